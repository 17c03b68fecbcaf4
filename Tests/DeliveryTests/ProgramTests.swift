import Glibc
import MailStore
import SieveCore
import TemporaryFiles
import Testing

@testable import Delivery

/// Programs of a test, in a directory that is removed at the end.
private final class ProgramSite {
    private let place: TemporaryDirectory
    var directory: String { self.place.path }
    var options = SieveProgramOptions()

    init() throws {
        self.place = try TemporaryDirectory()
        mkdir(self.directory + "/bin", 0o755)
        self.options.execute.binDirectory = self.directory + "/bin"
        self.options.filter.binDirectory = self.directory + "/bin"
    }

    func install(_ name: String, _ body: String, mode: mode_t = 0o755) {
        let path = self.directory + "/" + name
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode)
        _ = Array("#!/bin/sh\n\(body)\n".utf8).withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        fchmod(descriptor, mode)
        close(descriptor)
    }

    func run(
        _ name: String, _ arguments: [String] = [], input: String = "", kind: SieveProgramCall.Kind = .execute,
        context: SieveProgramContext = SieveProgramContext(user: "anna")
    ) throws -> SieveProgramRunner.Outcome {
        var call = SieveProgramCall(kind, program: name)
        call.arguments = arguments.map { Array($0.utf8) }
        return try Array(input.utf8).withUnsafeBytes { bytes in
            try SieveProgramRunner(self.options).run(call, bytes, for: context)
        }
    }

    func output(_ name: String, _ arguments: [String] = [], input: String = "") throws -> String {
        String(decoding: try self.run(name, arguments, input: input).output, as: UTF8.self)
    }

    func refusal(_ name: String, kind: SieveProgramCall.Kind = .execute) -> StoreError.Code? {
        do {
            _ = try self.run(name, kind: kind)
            return nil
        } catch { return (error as? StoreError)?.code }
    }
}

@Suite struct ProgramTests {
    @Test func argumentsInputAndStatus() throws {
        let site = try ProgramSite()
        site.install("bin/say", "printf '%s|' \"$@\"; cat; exit ${3:-0}")
        #expect(try site.output("say", ["a b", "$HOME"], input: "x\r\ny") == "a b|$HOME|x\r\ny")
        let failed = try site.run("say", ["", "", "3"])
        #expect(!failed.succeeded)
        #expect(failed.complaint == "exit status 3")
        site.options.execute.inputLineEnd = .lf
        #expect(try site.output("say", input: "x\r\n\r\ny\rz\r\n") == "|x\n\ny\rz\n")
    }

    @Test func complaintIsTold() throws {
        let site = try ProgramSite()
        site.install("bin/moan", "echo 'no such list' >&2; exit 75")
        #expect(try site.run("moan").complaint == "exit status 75: no such list ")
        site.install("bin/die", "kill -9 $$")
        #expect(try site.run("die").complaint == "exit status 137")
    }

    @Test func environment() throws {
        let site = try ProgramSite()
        site.install("bin/show", "env | grep -v '^PWD=\\|^SHLVL\\|^_=\\|^OLDPWD' | sort; pwd")
        var context = SieveProgramContext(user: "anna", home: site.directory)
        context.hostname = "mail.example.org"
        context.sender = "bob@example.com"
        context.recipient = "anna@example.org"
        context.originalRecipient = "team@example.org"
        let shown = String(decoding: try site.run("show", context: context).output, as: UTF8.self)
        #expect(
            shown == """
                HOME=\(site.directory)
                HOST=mail.example.org
                ORIG_RECIPIENT=team@example.org
                PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
                RECIPIENT=anna@example.org
                SENDER=bob@example.com
                USER=anna
                \(site.directory)

                """)
    }

    /// A child has its three descriptors, no more, and cannot gain privileges.
    @Test func inheritsNothing() throws {
        let site = try ProgramSite()
        let leaked = open("/dev/null", O_RDONLY)
        defer { close(leaked) }
        // One more beyond those that a shell takes for itself.
        let high = fcntl(leaked, F_DUPFD, 200)
        defer { close(high) }
        site.install("bin/look", "ls /proc/self/fd | wc -l; grep NoNewPrivs /proc/self/status; ulimit -c")
        // 0, 1, 2 and the directory that ls reads.
        #expect(try site.output("look").split { $0.isWhitespace } == ["4", "NoNewPrivs:", "1", "0"])
    }

    @Test func pathsLeadNowhere() throws {
        let site = try ProgramSite()
        site.install("outside", "echo out")
        site.install("bin/inside", "echo in")
        site.install("bin/open", "echo open", mode: 0o777)
        symlink("../outside", site.directory + "/bin/link")
        symlink("inside", site.directory + "/bin/alias")
        mkdir(site.directory + "/bin/folder", 0o755)
        #expect(try site.output("alias") == "in\n")
        #expect(site.refusal("link") == .noPermission)
        #expect(site.refusal("open") == .noPermission)
        for name in ["../outside", "/bin/sh", "folder", "absent", "", ".", "..", ".hidden", "a\u{0}b", "folder/x"] {
            #expect(site.refusal(name) == .notFound, "\(name)")
        }
        // No directory is configured for pipe.
        #expect(site.refusal("inside", kind: .pipe) == .notFound)
    }

    @Test func takesNoLongerThanAllowed() throws {
        let site = try ProgramSite()
        site.install("bin/sleepy", "sleep 60 & echo $! > \(site.directory)/pid; wait")
        site.options.execute.timeout = .milliseconds(300)
        let started = ContinuousClock.now
        #expect(site.refusal("sleepy") == .temporary)
        #expect(ContinuousClock.now - started < .seconds(10))
        // What it has started ended with it.
        site.options.execute.timeout = .seconds(10)
        site.install(
            "bin/alive", "read pid < \(site.directory)/pid; kill -0 $pid 2>/dev/null && ps -o stat= -p $pid | grep -v Z"
        )
        #expect(try !site.run("alive").succeeded)
    }

    @Test func writingWithoutEndTakesNoLongerEither() throws {
        let site = try ProgramSite()
        site.install("bin/endless", "for i in 1 2 3 4; do yes & done; exec yes")
        site.options.execute.timeout = .milliseconds(200)
        let started = ContinuousClock.now
        #expect(site.refusal("endless") == .temporary)
        #expect(ContinuousClock.now - started < .seconds(5))
    }

    /// Sessions of their own do not save what a program has started, nor does it when the parents are gone.
    @Test(arguments: [
        "setsid sleep 60 & echo $! > PID; wait", "setsid sh -c 'echo $$ > PID; exec sleep 60' & wait",
        "(setsid sh -c '(trap \"\" HUP TERM; echo $$ > PID; sleep 60; sleep 60) & exit' &); sleep 60",
        "setsid setsid sh -c 'setsid sleep 60 & echo $! > PID; kill -9 $$'; sleep 60",
    ])
    func sessionsOfTheirOwnEndToo(_ lines: String) throws {
        let site = try ProgramSite()
        site.install("bin/escapes", lines.replacing("PID", with: site.directory + "/pid"))
        site.options.execute.timeout = .milliseconds(700)
        #expect(site.refusal("escapes") == .temporary)
        site.options.execute.timeout = .seconds(10)
        site.install(
            "bin/alive", "read pid < \(site.directory)/pid; kill -0 $pid 2>/dev/null && ps -o stat= -p $pid | grep -v Z"
        )
        #expect(try !site.run("alive").succeeded)
    }

    @Test func endsThoughDescendantsLiveOn() throws {
        let site = try ProgramSite()
        site.install("bin/daemon", "sleep 5 & echo done")
        let started = ContinuousClock.now
        #expect(try site.output("daemon") == "done\n")
        #expect(ContinuousClock.now - started < .seconds(4))
    }

    @Test func largeInputIsNotRead() throws {
        let site = try ProgramSite()
        site.install("bin/deaf", "echo no")
        #expect(try site.output("deaf", input: String(repeating: "x", count: 1 << 20)) == "no\n")
        site.install("bin/echo", "cat")
        let large = String(repeating: "0123456789\r\n", count: 50_000)
        #expect(try site.output("echo", input: large) == large)
        // It closes its ends and takes its time.
        site.install("bin/silent", "exec <&- >&- 2>&-; sleep 0.1; exit 3")
        #expect(try site.run("silent", input: large).complaint == "exit status 3")
    }

    @Test func outputIsBounded() throws {
        let site = try ProgramSite()
        site.options.maximumOutput = 1000
        site.install("bin/chat", "head -c 100000 /dev/zero")
        #expect(try site.output("chat").utf8.count == 1000)
        #expect(site.refusal("chat", kind: .filter) == .tooBig)
    }

    /// No child stays behind as a zombie. Other tests have children too.
    @Test func allAreReaped() throws {
        let site = try ProgramSite()
        site.install("bin/quick", "exit 0")
        for _ in 0..<20 { _ = try site.run("quick") }
        site.install("bin/zombies", "ps -o stat=,comm= --ppid $PPID | grep -c quick; exit 0")
        #expect(try site.output("zombies") == "0\n")
    }

    @Test func cannotStart() throws {
        let site = try ProgramSite()
        site.install("bin/plain", "echo", mode: 0o644)
        #expect(site.refusal("plain") == .temporary)
    }

    @Test func service() throws {
        let site = try ProgramSite()
        site.options.execute.socketDirectory = site.directory
        let listener = try #require(Self.listen(site.directory + "/remote"))
        defer { close(listener) }
        // The service's side, on a thread of its own.
        let threads = StorageThreads(count: 1)
        defer { threads.stop() }
        threads.submit {
            for reply in ["out\nput+\n", "-\n", "broken"] {
                let peer = accept(listener, nil, nil)
                var heard: [UInt8] = []
                var piece = [UInt8](repeating: 0, count: 4096)
                while true {
                    let count = read(peer, &piece, piece.count)
                    if count <= 0 { break }
                    heard += piece[..<count]
                }
                let ok =
                    heard
                    == Array(
                        "VERSION\tscript\t4\t0\nenv_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nenv_USER=anna\nenv_SENDER=\n-\na\u{1}tb\n\nline\r\n"
                            .utf8)
                let answer = ok ? reply : "not what was expected: \(String(decoding: heard, as: UTF8.self))+\n"
                _ = Array(answer.utf8).withUnsafeBytes { write(peer, $0.baseAddress, $0.count) }
                close(peer)
            }
        }
        let first = try site.run("remote", ["a\tb"], input: "line\r\n")
        #expect(first.succeeded)
        #expect(String(decoding: first.output, as: UTF8.self) == "out\nput")
        #expect(try !site.run("remote", ["a\tb"], input: "line\r\n").succeeded)
        #expect(throws: StoreError.self) { try site.run("remote", ["a\tb"], input: "line\r\n") }
    }

    private static func listen(_ path: String) -> CInt? {
        let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let failed = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard failed == 0, Glibc.listen(descriptor, 5) == 0 else { return nil }
        return descriptor
    }
}
