import Glibc
import MailStore
import SieveCore
import TemporaryFiles
import Testing

@testable import SieveStorage

@Suite struct SieveStorageTests {
    /// A home in a temporary directory that is removed at the end.
    private func with(_ body: (SieveStorage, String) throws -> Void) throws {
        try TemporaryDirectory.with { home in
            try body(SieveStorage(directory: home + "/sieve", activePath: home + "/.dovecot.sieve"), home)
        }
    }

    private func target(_ home: String) -> String {
        var target = [CChar](repeating: 0, count: 1000)
        let count = max(0, readlink(home + "/.dovecot.sieve", &target, target.count))
        return String(decoding: target[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    @Test func laidOutAsPigeonholeDoes() throws {
        try self.with { storage, home in
            #expect(try storage.list().isEmpty)
            try storage.write("main", Array("keep;".utf8))
            try storage.write("für später", Array("discard;".utf8))
            #expect(access(home + "/sieve/main.sieve", F_OK) == 0)
            try storage.activate("main")
            #expect(self.target(home) == "sieve/main.sieve")
            #expect(try storage.list().map(\.name) == ["für später", "main"])
            #expect(try storage.list().map(\.isActive) == [false, true])
            #expect(try storage.read("main", limit: 100) == Array("keep;".utf8))
            try storage.write("main", Array("stop;".utf8))
            #expect(try storage.read("main", limit: 100) == Array("stop;".utf8))
            #expect(storage.activeName() == "main")
        }
    }

    @Test func activeOneIsKept() throws {
        try self.with { storage, home in
            try storage.write("a", [])
            try storage.write("b", [])
            try storage.activate("a")
            #expect(throws: StoreError.self) { try storage.delete("a") }
            #expect(throws: StoreError.self) { try storage.rename("a", to: "b") }
            try storage.rename("a", to: "c")
            #expect(storage.activeName() == "c" && self.target(home) == "sieve/c.sieve")
            try storage.activate(nil)
            try storage.activate(nil)
            #expect(storage.activeName() == nil)
            try storage.delete("c")
            #expect(throws: StoreError.self) { try storage.delete("c") }
            #expect(throws: StoreError.self) { try storage.activate("c") }
        }
    }

    /// A file where the link belongs is a script that the user wrote by hand.
    @Test func adoptsAFile() throws {
        try self.with { storage, home in
            let descriptor = open(home + "/.dovecot.sieve", O_WRONLY | O_CREAT, 0o600)
            _ = write(descriptor, "stop;", 5)
            close(descriptor)
            try storage.adoptFile()
            #expect(try storage.list().map(\.name) == ["dovecot.orig"])
            #expect(storage.activeName() == "dovecot.orig")
            #expect(try storage.read("dovecot.orig", limit: 10) == Array("stop;".utf8))
        }
    }

    /// Users see the site's script as long as they have none of that name.
    @Test func siteScript() throws {
        try self.with { mine, home in
            var storage = mine
            let site = home + "/site.sieve"
            let descriptor = open(site, O_WRONLY | O_CREAT, 0o600)
            _ = write(descriptor, "keep;", 5)
            close(descriptor)
            storage.fallback = SieveStorage.Fallback(name: "Site", path: site)
            #expect(try storage.list().map(\.name) == ["Site"])
            #expect(try storage.list().map(\.isActive) == [true])
            #expect(try storage.read("Site", limit: 10) == Array("keep;".utf8))
            try storage.write("own", Array("stop;".utf8))
            try storage.activate("own")
            #expect(try storage.list().map(\.isActive) == [false, true])
            try storage.activate("Site")
            #expect(try storage.list().map(\.isActive) == [true, false])
            #expect(throws: StoreError.self) { try storage.delete("Site") }
            try storage.write("Site", Array("discard;".utf8))
            #expect(try storage.read("Site", limit: 10) == Array("discard;".utf8))
            try storage.activate("Site")
            #expect(self.target(home) == "sieve/Site.sieve")
            unlink(site)
        }
    }

    @Test func includedScripts() throws {
        try self.with { mine, home in
            var storage = mine
            try storage.write("part", Array("keep;".utf8))
            storage.global = [home + "/none", home + "/sieve"]
            let scripts = StoredScripts(storage, global: .of(["editheader"]), limit: 0)
            for location in [SieveScriptName.Location.personal, .global] {
                #expect(scripts.source(of: SieveScriptName(location: location, name: "part")) == Array("keep;".utf8))
                #expect(scripts.source(of: SieveScriptName(location: location, name: "absent")) == nil)
                #expect(scripts.source(of: SieveScriptName(location: location, name: "../sieve/part")) == nil)
            }
            let compiler = SieveCompiler(registry: .of(["include"]))
            func check(_ text: String) -> SieveCompilation {
                compiler.compile(Array(text.utf8), name: "x", included: scripts)
            }
            #expect(check("require \"include\"; include \"part\";").diagnostics.isEmpty)
            let early = check("require \"include\"; include \"later\";")
            #expect(early.script != nil && early.diagnostics.map(\.severity) == [.warning])
            try storage.write("edits", Array("require \"editheader\"; addheader \"X\" \"y\";".utf8))
            #expect(check("require \"include\"; include :global \"edits\";").script != nil)
            #expect(check("require \"include\"; include \"edits\";").script == nil)
        }
    }

    /// The administrator's name for a script counts, whatever a link there points to; and one that is too large is
    /// there, for the compiler to refuse, as it is at delivery.
    @Test func includedScriptsForAll() throws {
        try self.with { mine, home in
            var storage = mine
            try storage.write("foo-2", Array("keep;".utf8))
            symlink("sieve/foo-2.sieve", home + "/foo.sieve")
            storage.global = [home + "/foo.sieve"]
            let scripts = StoredScripts(storage, global: .all, limit: 2)
            #expect(scripts.source(of: SieveScriptName(location: .global, name: "foo")) == Array("kee".utf8))
            #expect(scripts.source(of: SieveScriptName(location: .global, name: "foo-2")) == nil)
            #expect(scripts.source(of: SieveScriptName(location: .global, name: "sieve")) == nil)
        }
    }

    /// A user's link to a device has no end, and a FIFO has no beginning.
    @Test(.timeLimit(.minutes(5))) func onlyFiles() throws {
        try self.with { storage, home in
            try storage.write("main", Array("keep;".utf8))
            symlink("/dev/zero", home + "/sieve/zero.sieve")
            mkfifo(home + "/sieve/fifo.sieve", 0o600)
            mkdir(home + "/sieve/directory.sieve", 0o700)
            func failure(_ name: String, limit: Int = .max) -> StoreError.Code? {
                do throws(StoreError) {
                    _ = try storage.read(name, limit: limit)
                    return nil
                } catch { return error.code }
            }
            for name in ["zero", "fifo", "directory"] { #expect(failure(name) == .cannot, "\(name)") }
            #expect(failure("absent") == .notFound)
            #expect(failure("main") == nil)
            #expect(failure("main", limit: 5) == nil)
            #expect(failure("main", limit: 4) == .tooBig)
            // Where the site sets no limit there is one all the same.
            truncate(home + "/sieve/main.sieve", off_t(ScriptFile.maximumSize) + 1)
            #expect(failure("main") == .cannot)
        }
    }

    @Test(arguments: [
        "", ".", "..", ".hidden", "a/b", "a\u{0}", "a\nb", "\u{2028}", String(repeating: "x", count: 129),
    ])
    func refusedNames(_ name: String) { #expect(!SieveStorage.isName(name)) }

    @Test(arguments: ["a", "main script", "für", "a.sieve", String(repeating: "x", count: 128)])
    func names(_ name: String) { #expect(SieveStorage.isName(name)) }
}
