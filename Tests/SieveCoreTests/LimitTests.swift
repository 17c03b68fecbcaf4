import Testing

@testable import SieveCore

/// Limits, and scripts and messages that mean harm.
@Suite struct LimitTests {
    private func nested(_ depth: Int) -> String {
        String(repeating: "if true {", count: depth) + "keep;" + String(repeating: "}", count: depth)
    }

    @Test func blocksNest() throws {
        #expect(try decisions(self.nested(15)) == ["keep"])
        #expect(try decisions(self.nested(32)) == ["keep"])
        #expect(
            complaints(self.nested(33)) == ["line 1, column 297: error: blocks are nested more than 32 deep"])
        #expect(complaints(self.nested(100_000)).count == 1)
        #expect(!complaints(String(repeating: "if true {", count: 100_000)).isEmpty)
    }

    @Test func testsNest() throws {
        func nots(_ depth: Int) -> String { String(repeating: "not ", count: depth - 1) + "true" }
        #expect(try holds(nots(31)))
        #expect(try !holds(nots(32)))
        #expect(complaints("if \(nots(33)) { }").count == 1)
        #expect(complaints("if \(nots(100_000)) { }").count == 1)
        let lists = String(repeating: "anyof (", count: 15) + "true" + String(repeating: ")", count: 15)
        #expect(try holds(lists))
        #expect(!complaints("if " + String(repeating: "anyof (", count: 200_000)).isEmpty)
    }

    @Test func sizes() {
        var limits = SieveLimits()
        limits.scriptSize = 10
        #expect(
            complaints("keep; keep; ", limits: limits) == [
                "line 1, column 1: error: the script has 12 octets; 10 are allowed"
            ])
        limits = SieveLimits()
        limits.stringSize = 5
        #expect(complaints("redirect \"a@b.c\";", limits: limits).isEmpty)
        #expect(
            complaints("redirect \"a@bb.c\";", limits: limits) == [
                "line 1, column 10: error: this string is longer than 5 octets"
            ])
    }

    @Test func actionsAndRedirects() throws {
        func redirects(_ count: Int) -> String {
            (0..<count).map { "redirect \"u\($0)@example.com\";" }.joined(separator: "\n")
        }
        func files(_ count: Int) -> String {
            "require \"fileinto\";" + (0..<count).map { "fileinto \"m\($0)\";" }.joined(separator: "\n")
        }
        #expect(try decisions(redirects(4)).count == 4)
        #expect(
            try decisions(redirects(5)) == ["error: more than 4 redirects of one message", "implicit keep"])
        #expect(try run(redirects(5)).error?.position == SievePosition(line: 5, column: 1))
        #expect(try decisions(files(32)).count == 32)
        #expect(try decisions(files(33)) == ["error: more than 32 actions for one message", "implicit keep"])
        var limits = SieveLimits()
        limits.redirects = 0
        limits.actions = 0
        #expect(
            try decisions(redirects(1), limits: limits) == [
                "error: redirect is not allowed here", "implicit keep",
            ])
        #expect(try decisions(files(100), limits: limits).count == 100)
    }

    @Test func wildcardsStayBounded() throws {
        let stars = String(repeating: "*a", count: 2000) + "*b"
        let message = crlf("Subject: " + String(repeating: "a", count: 100_000) + "\n\n")
        var limits = SieveLimits()
        limits.steps = 2_000_000
        let question = String(repeating: "*?", count: 1000) + "*b"
        for pattern in [stars, question, String(repeating: "*", count: 5000) + "b"] {
            let script = "if header :matches \"subject\" \"\(pattern)\" { discard; }"
            let result = try decisions(script, message, limits: limits)
            #expect(
                result == ["implicit keep"]
                    || result == ["error: the script took too much CPU time with this message", "implicit keep"])
        }
    }

    @Test func substringsStayBounded() throws {
        let message = crlf("Subject: " + String(repeating: "a", count: 200_000) + "\n\n")
        let key = String(repeating: "a", count: 50_000) + "b"
        var limits = SieveLimits()
        limits.steps = 2_000_000
        let result = try decisions(
            "if header :contains \"subject\" \"\(key)\" { discard; }", message, limits: limits)
        #expect(result == ["error: the script took too much CPU time with this message", "implicit keep"])
    }

    @Test func regexesStayBounded() throws {
        let message = crlf("Subject: " + String(repeating: "a", count: 20_000) + "\n\n")
        var limits = SieveLimits()
        limits.steps = 2_000_000
        // Little that takes an octet, and very much that takes none.
        let nothing = "(" + String(repeating: "|", count: 2000) + ")b"
        for pattern in [nothing, String(repeating: "(a*)", count: 30) + "b", "((a?){200}|c){8}b"] {
            let script =
                "require \"regex\"; if header :regex \"subject\" \"\(pattern)\" { discard; }"
            let result = try decisions(script, message, limits: limits)
            #expect(result == ["error: the script took too much CPU time with this message", "implicit keep"])
        }
        // Each expression is short and makes a long program.
        let keys = Array(repeating: "\"(x{200}){20}\"", count: 1000).joined(separator: ",")
        let result = try decisions(
            "require \"regex\"; if header :regex \"x\" [\(keys)] { discard; } keep;", message, limits: limits)
        #expect(result == ["keep"])
        #expect(
            try decisions(
                "require \"regex\"; if header :regex \"subject\" [\(keys)] { discard; }", message, limits: limits)
                == ["error: the script took too much CPU time with this message", "implicit keep"])
    }

    @Test func editsInLoopsStayBounded() throws {
        let part = "--b\nContent-Type: text/plain\n\nx\n"
        let message = crlf(
            "Content-Type: multipart/mixed; boundary=b\n\n" + String(repeating: part, count: 500)
                + String(repeating: "x", count: 100_000) + "\n--b--\n")
        var limits = SieveLimits()
        limits.steps = 4_000_000
        let result = try decisions(
            "require [\"foreverypart\", \"editheader\"]; foreverypart { addheader \"X\" \"y\"; }", message,
            limits: limits)
        #expect(result == ["error: the script took too much CPU time with this message", "implicit keep"])
    }

    @Test func manyHeaders() throws {
        let message = crlf(String(repeating: "A: b\n", count: 50_000) + "Z: z\n\n")
        #expect(try holds(#"header "a" "b""#, message))
        #expect(try !holds(#"exists "z""#, message))
    }

    @Test func sameInputSameActions() throws {
        let first = try run(RFC5228ExampleTests.extended, Messages.b)
        for _ in 0..<5 {
            let again = try run(RFC5228ExampleTests.extended, Messages.b)
            #expect(again.actions == first.actions && again.error == first.error)
        }
    }

    /// No cut of a script and no single changed octet does harm.
    @Test func mutilated() {
        let source = Array(
            (RFC5228ExampleTests.extended + "redirect text: # x\n.a\n..\n.\n; /* c */ if size :over 3K {}")
                .utf8)
        for end in 0...source.count { _ = complaints(Array(source[..<end])) }
        for index in stride(from: 0, to: source.count, by: 3) {
            for byte: UInt8 in [0, 0x0D, 0x22, 0x28, 0x5B, 0x7B, 0x7D, 0xFF] {
                var changed = source
                changed[index] = byte
                _ = complaints(changed)
            }
        }
    }

    // MARK: Sequences of scripts

    @Test func nextScriptRunsWhileMailIsKept() throws {
        func outcome(_ scripts: String...) throws -> SieveSequence {
            var sequence = SieveSequence()
            for script in scripts where sequence.goesOn { sequence.add(try run(script)) }
            return sequence
        }
        var result = try outcome("", "keep;")
        #expect(result.keeps && result.actions.isEmpty)
        result = try outcome("discard;", "require \"fileinto\"; fileinto \"x\";")
        #expect(!result.keeps && result.actions.isEmpty)
        result = try outcome("require \"fileinto\"; fileinto \"x\"; keep;", "discard;")
        #expect(!result.keeps && result.actions.map(\.kind) == [.fileInto(SieveFileInto(mailbox: "x"))])
        result = try outcome("redirect \"a@b\";", "keep;")
        #expect(!result.keeps && result.actions.map(\.kind) == [.redirect(address: "a@b")])
        result = try outcome(
            "require \"fileinto\"; fileinto \"x\"; keep;",
            (0..<5).map { "redirect \"u\($0)@b\";" }.joined(), "discard;")
        #expect(
            result.keeps && result.actions.map(\.kind) == [.fileInto(SieveFileInto(mailbox: "x"))]
                && result.error != nil)
    }
}
