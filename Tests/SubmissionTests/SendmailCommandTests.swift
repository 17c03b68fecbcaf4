import Glibc
import Testing

@testable import Submission

/// Programs with sendmail's interface, good ones and bad ones.
@Suite struct SendmailCommandTests {
    private func run(_ script: String, timeout: Int64) throws -> (status: UInt8, text: String) {
        let input = open("/dev/null", O_RDONLY | O_CLOEXEC)
        defer { close(input) }
        return SendmailCommand(words: ["/bin/sh", "-c", script], timeout: timeout).run([], input: input)
    }

    @Test func tellsStatusAndText() throws {
        let (status, text) = try self.run("echo no such user; exit 67", timeout: 20_000)
        #expect(status == 67)
        #expect(text == "no such user\n")
    }

    @Test(arguments: ["exec sleep 60", "exec >&- 2>&-; sleep 60", "exec sleep 60 >/dev/null 2>&1"])
    func endsWithItsTime(_ script: String) throws {
        let (status, text) = try self.run(script, timeout: 100)
        #expect(status == 75)
        #expect(text == "did not end within 0 seconds")
    }

    /// What other threads and libraries have open is none of the program's business, marked to be closed or not.
    @Test func hasNoOtherDescriptors() throws {
        let other = open("/dev/null", O_RDONLY)
        defer { close(other) }
        let (status, _) = try self.run("test ! -e /proc/$$/fd/\(other)", timeout: 20_000)
        #expect(status == 0)
    }

    @Test func isNoProgram() {
        let (status, _) = SendmailCommand(words: ["/nonexistent"], timeout: 1000).run([], input: 0)
        #expect(status == 75)
    }
}
