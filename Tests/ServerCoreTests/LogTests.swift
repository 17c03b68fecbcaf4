import Glibc
import Logging
import NIOCore
import Testing

@testable import ServerCore

@Suite struct LogTests {
    @Test(arguments: [
        ("plain", "plain"), ("a\r\nb", "a\\x0d\\x0ab"), ("\u{1B}[2J", "\\x1b[2J"), ("\u{7F}", "\\x7f"),
        ("\u{85}x", "\\x85x"), ("\u{2028}", "\\x2028"), ("Grüße", "Grüße"), ("", ""),
    ])
    func controlCharactersAreEscaped(_ text: String, _ expected: String) {
        var line: [UInt8] = []
        LogText.append(text, to: &line)
        #expect(String(decoding: line, as: UTF8.self) == expected)
    }

    @Test func fieldsCannotBeForged() {
        #expect(LogText.field("x>, rip=1.2.3.4") == "x\\x3e, rip=1.2.3.4")
        #expect(LogText.field(String(repeating: "a", count: 500)).utf8.count == 259)
    }

    @Test func addressesOfMappedPeersAreIPv4() throws {
        let mapped = PeerAddress(try .init(ipAddress: "::ffff:127.0.0.5", port: 9))
        #expect(mapped.text == "127.0.0.5" && mapped.isLocal && mapped.kind == .ipv4 && mapped.port == 9)
        let six = PeerAddress(try .init(ipAddress: "2001:db8::1", port: 143))
        #expect(six.text == "2001:db8::1" && !six.isLocal && six.limitKey.count == 8 && six.port == 143)
        #expect(PeerAddress(try .init(ipAddress: "::1", port: 1)).isLocal)
    }

    /// A role's lines go through a pipe into the supervisor's file; strays on standard error come along.
    @Test func roleLinesReachTheFile() throws {
        var template = [CChar]("/tmp/martlet-log-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        close(descriptor)
        let path = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { unlink(path) }
        var ends: [CInt] = [0, 0]
        #expect(pipe(&ends) == 0)
        let role = LogOutput(LogDestinations(.supervisor(ends[1])))
        role.logger("imap(u)").info("one\ntwo")
        role.logger("imap(u)").debug("not written")
        role.flush()
        _ = "Fatal error: oops".withCString { write(ends[1], $0, 17) }
        close(ends[1])
        let output = LogOutput(LogDestinations(.file(path)))
        var relay = LogRelay(label: "mail", output: output)
        var buffer = [UInt8](repeating: 0, count: 7)
        while true {
            let count = read(ends[0], &buffer, buffer.count)
            if count <= 0 { break }
            buffer.withUnsafeBytes { relay.received(.init(rebasing: $0[0..<count])) }
        }
        relay.finish()
        close(ends[0])
        output.flush()
        let file = open(path, O_RDONLY)
        var text = [UInt8](repeating: 0, count: 4096)
        let count = read(file, &text, text.count)
        close(file)
        let lines = String(decoding: text.prefix(max(0, count)), as: UTF8.self).split(separator: "\n")
        #expect(
            lines.map { String($0.dropFirst(16)) } == [
                "imap(u): Info: one\\x0atwo", "mail: Error: Fatal error: oops",
            ])
    }
}
