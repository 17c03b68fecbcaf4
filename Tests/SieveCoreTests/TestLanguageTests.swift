import Glibc
import MIMECore
import Testing

@testable import SieveCore

/// Files of a test in memory, and those on the disk.
struct TestFiles: SieveTestFiles {
    var memory: [String: String] = [:]

    func read(_ path: String) -> [UInt8]? {
        if let text = self.memory[path] { return Array(text.utf8) }
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var octets: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&piece, 1, piece.count, file)
            guard count > 0 else { return octets }
            octets += piece[..<count]
        }
    }

    // Sat, 21 Nov 2026 12:00:00 +0100
    var now: MessageDate { MessageDate(secondsSince1970: 1_795_258_800, zoneOffsetMinutes: 60) }
}

@Suite struct TestLanguageTests {
    /// The scripts beside the targets.
    static let folder = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")

    static var scripts: [String] {
        guard let directory = opendir("/\(Self.folder)/SieveScripts") else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasSuffix(".svtest") { names.append(name) }
        }
        return names.sorted()
    }

    @Test(arguments: Self.scripts)
    func script(_ name: String) {
        let report = SieveTestRunner(files: TestFiles()) { Swift.print("\(name): \($0)") }
            .run("/\(Self.folder)/SieveScripts/\(name)")
        #expect(report.isPassed, "\(report.lines.joined(separator: "\n"))")
        #expect(!report.blocks.isEmpty)
    }

    @Test func thereAreScripts() { #expect(Self.scripts.count >= 10) }

    private func lines(_ source: String, _ files: [String: String] = [:]) -> [String] {
        var memory = files
        memory["/t/case.svtest"] = source
        return SieveTestRunner(files: TestFiles(memory: memory)) { _ in }.run("/t/case.svtest").lines
    }

    @Test func output() {
        #expect(
            self.lines(
                """
                require "vnd.dovecot.testsuite";
                test "one" { }
                test "two" { if true { test_fail "why"; } discard; }
                test "three" { test_fail ""; }
                test "four" { keep; }
                """) == [
                    " 1: Test 'one' SUCCEEDED", " 2: Test 'two' FAILED: why", " 3: Test 'three' FAILED",
                    " 4: Test 'four' SUCCEEDED", "", "FAIL: 2 of 4 tests failed.",
                ])
        #expect(
            self.lines("require \"vnd.dovecot.testsuite\"; test \"a\" { } stop; test \"b\" { }") == [
                " 1: Test 'a' SUCCEEDED", "", "PASS: 1 tests succeeded.",
            ])
    }

    /// Failures say where, and what the tested scripts had to say.
    @Test func placesOfFailures() {
        let files = TestFiles(memory: [
            "/t/case.svtest": """
            require "vnd.dovecot.testsuite";
            test "one" {
                if not test_script_compile "bad.sieve" {
                    test_fail "why";
                }
            }
            """, "/t/bad.sieve": "kepe;",
        ])
        let blocks = SieveTestRunner(files: files) { _ in }.run("/t/case.svtest").blocks
        #expect(blocks.first?.position?.line == 4)
        #expect(blocks.first?.errors == ["unknown command \"kepe\"", "validation failed"])
    }

    @Test(arguments: [
        "keep;", "require \"vnd.dovecot.testsuite\"; if true { test \"x\" { } }", "nonsense",
        "require \"vnd.dovecot.testsuite\"; test_fail \"outside\";",
        "require \"vnd.dovecot.testsuite\"; test_config_set \"no_such\" \"1\"; test_config_reload;",
        "require [\"vnd.dovecot.testsuite\", \"variables\"]; set \"a\" \"nobody\"; redirect \"${a}\";",
        "require \"vnd.dovecot.testsuite\"; test_binary_load \"x\";",
        "require \"vnd.dovecot.testsuite\"; test_set \"envelope.nothing\" \"x\";",
        "require [\"vnd.dovecot.testsuite\", \"variables\"]; set \"tst.path\" \"x\";",
    ])
    func filesFail(_ source: String) {
        let lines = self.lines(source)
        #expect(lines.contains { $0.hasPrefix("XX: Test CASE FAILED") } && lines.last?.hasPrefix("FAIL") == true)
    }

    /// Users' scripts have no business with it.
    @Test func isNoExtensionForUsers() {
        #expect(
            complaints("require \"vnd.dovecot.testsuite\";") == [
                "line 1, column 9: error: this server has no extension \"vnd.dovecot.testsuite\""
            ])
    }
}
