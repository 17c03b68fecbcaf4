import Glibc
import Synchronization
import Testing

@testable import Submission

@Suite struct SMTPSubmissionTests {
    @Test(arguments: [
        ("mx.example.org", SMTPSubmission.Security.none, "mx.example.org", "25"),
        ("mx.example.org:587", .startTLS, "mx.example.org", "587"),
        ("mx.example.org", .implicit, "mx.example.org", "465"),
        ("[::1]:2525", .none, "::1", "2525"), ("::1", .none, "::1", "25"), ("192.0.2.1:26", .none, "192.0.2.1", "26"),
    ])
    func places(_ text: String, _ security: SMTPSubmission.Security, _ host: String, _ port: String) {
        let submission = SMTPSubmission(text, security, timeout: .seconds(5), hostname: "h")
        #expect(submission.host == host)
        #expect(submission.port == port)
    }

    /// An MTA that answers each line with the next of these, and its data too.
    private func submit(
        _ answers: [String], _ message: String = "A: b\n\n.x\n..\nlone\rcr\nend",
        arguments: [String] = ["-i", "-f", "a@b", "--", "c@d"], security: SMTPSubmission.Security = .none,
        committing: () -> Bool = { true }
    ) throws -> (status: UInt8, output: String, heard: String) {
        let listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        try withUnsafeMutablePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                try #require(bind(listener, address, size) == 0 && listen(listener, 1) == 0)
                try #require(getsockname(listener, address, &size) == 0)
            }
        }
        let port = UInt16(bigEndian: address.sin_port)
        var ends: [CInt] = [0, 0]
        try #require(pipe(&ends) == 0)
        Array(message.utf8).withUnsafeBytes { _ = write(ends[1], $0.baseAddress, $0.count) }
        close(ends[1])
        let mta = MTA(listener, answers)
        mta.start()
        let submission = SMTPSubmission(
            "127.0.0.1:\(port)", security, timeout: .seconds(10), hostname: "me.example.org")
        let result = submission.run(arguments, input: ends[0], committing: committing) ?? (0, "in doubt")
        close(ends[0])
        // The thread ends with the connection.
        let heard = mta.finish()
        close(listener)
        return (result.status, result.text, heard)
    }

    @Test func dialogue() throws {
        let result = try self.submit([
            "220 mx ESMTP", "250-mx\r\n250-8BITMIME\r\n250 SIZE", "250 ok", "250 ok", "354 go", "250 queued",
        ])
        #expect(result.status == 0)
        #expect(
            result.heard
                == "EHLO me.example.org\r\nMAIL FROM:<a@b> BODY=8BITMIME\r\nRCPT TO:<c@d>\r\nDATA\r\n"
                + "A: b\r\n\r\n..x\r\n...\r\nlone\rcr\r\nend\r\n.\r\nQUIT\r\n")
    }

    @Test(
        arguments: [
            (["550 no"], 69, "550 no"), (["421 busy"], 75, "421 busy"),
            (["220 x", "250 x", "550-no\r\n550 way"], 69, "MAIL: 550 no way"),
            (["220 x", "250 x", "250 x", "450 later"], 75, "RCPT: 450 later"),
            (["220 x", "250 x", "250 x", "250 x", "354 x", "554 spam"], 69, "554 spam"),
            (["hello"], 75, "the MTA answers"),
            ([], 75, "the MTA does not answer"),
        ] as [([String], UInt8, String)])
    func refusals(_ answers: [String], _ status: UInt8, _ text: String) throws {
        let result = try self.submit(answers)
        #expect(result.status == status)
        #expect(result.output.hasPrefix(text), "\(result.output)")
    }

    /// The MTA has all of it and does not answer: it may have taken it. Before its end, it has not.
    @Test func doubt() throws {
        let dialogue = ["220 x", "250 x", "250 x", "250 x", "354 go"]
        #expect(try self.submit(dialogue).output == "in doubt")
        let half = try self.submit(Array(dialogue.dropLast()))
        #expect(half.status == 75 && half.output != "in doubt")
        // What cannot be noted is not sent.
        let unnoted = try self.submit(dialogue + ["250 ok"], committing: { false })
        #expect(unnoted.status == 75 && unnoted.heard.hasSuffix("\r\nend"), "\(unnoted)")
        let answered = try self.submit(dialogue + ["451 later"])
        #expect(answered.status == 75 && answered.output == "451 later")
    }

    @Test func nullSenderAndStartTLS() throws {
        let answers = ["220 mx ESMTP", "250 mx", "250 ok", "250 ok", "354 go", "250 queued"]
        let result = try self.submit(answers, "\n", arguments: ["-f", "<>", "--", "c@d"])
        #expect(result.status == 0)
        #expect(result.heard.contains("MAIL FROM:<>\r\n"))
        let plain = try self.submit(answers, security: .startTLS)
        #expect(plain.status == 75 && plain.output.contains("STARTTLS"))
        // No address can bring a line of its own.
        let broken = try self.submit([], arguments: ["-f", "a\r\nDATA", "--", "c@d"])
        #expect(broken.status == 65 && broken.heard.isEmpty)
    }
}

/// An MTA of few words.
private final class MTA: @unchecked Sendable {
    // The thread writes `heard` before it posts the semaphore; the test reads it after.
    private let listener: CInt
    private let answers: [String]
    private var heard = ""
    private let done = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init(_ listener: CInt, _ answers: [String]) {
        self.listener = listener
        self.answers = answers
        sem_init(self.done, 0, 0)
    }

    deinit {
        sem_destroy(self.done)
        self.done.deallocate()
    }

    func start() {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self).toOpaque()
        pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<MTA>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, context)
        pthread_detach(thread)
    }

    /// Waits for the end of the connection, or ends the wait for one.
    func finish() -> String {
        shutdown(self.listener, CInt(SHUT_RDWR))
        sem_wait(self.done)
        return self.heard
    }

    private func run() {
        defer { sem_post(self.done) }
        let connection = accept(self.listener, nil, nil)
        guard connection >= 0 else { return }
        defer { close(connection) }
        var octets: [UInt8] = []
        for (number, answer) in self.answers.enumerated() {
            if number > 0 {
                // Commands are lines; the data ends with a dot alone.
                let isData = self.answers[number - 1].hasPrefix("354")
                let start = octets.count
                while !Self.isWhole(octets[start...], isData) { guard Self.read(connection, &octets) else { break } }
            }
            let text = Array("\(answer)\r\n".utf8)
            _ = text.withUnsafeBytes { send(connection, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
        }
        shutdown(connection, CInt(SHUT_WR))
        while Self.read(connection, &octets) {}
        self.heard = String(decoding: octets, as: UTF8.self)
    }

    private static func isWhole(_ octets: ArraySlice<UInt8>, _ isData: Bool) -> Bool {
        let text = String(decoding: octets, as: UTF8.self)
        return isData ? text.hasSuffix("\r\n.\r\n") : text.hasSuffix("\r\n")
    }

    private static func read(_ connection: CInt, _ octets: inout [UInt8]) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = Glibc.read(connection, &buffer, buffer.count)
        if count > 0 { octets += buffer[..<count] }
        return count > 0
    }
}
