import CLinux
import COpenSSL
import Glibc
import Threads

/// A connection to an MTA, with or without TLS, on which this side speaks.
struct SMTPConnection {
    typealias Failure = SMTPSubmission.Failure

    private let descriptor: CInt
    /// Milliseconds of the steady clock.
    private var deadline: Int64
    private var tls: (context: OpaquePointer, session: OpaquePointer)?
    private var received: [UInt8] = []

    /// Octets of one line of an answer, with those read ahead, and lines.
    private static let maximumReply = 64 << 10
    private static let maximumLines = 200

    init(_ descriptor: CInt, _ deadline: Int64) {
        self.descriptor = descriptor
        self.deadline = deadline
    }

    /// Ends waits of the socket at that time.
    static func limit(_ descriptor: CInt, until deadline: Int64) {
        martlet_limit_waits(descriptor, max(1, deadline - SteadyClock.milliseconds()))
    }

    /// Gives the peer so many milliseconds from now, where it has less.
    mutating func extend(by milliseconds: Int64) {
        self.deadline = max(self.deadline, SteadyClock.milliseconds() + milliseconds)
    }

    mutating func close() {
        if let tls = self.tls {
            SSL_free(tls.session)
            SSL_CTX_free(tls.context)
            self.tls = nil
        }
        Glibc.close(self.descriptor)
    }

    // MARK: TLS

    /// Goes on in TLS, with a peer whose certificate is for that name, and for which one of these vouches; `nil`: one that
    /// the system trusts.
    mutating func startTLS(_ host: String, _ authorities: [UInt8]?) throws(Failure) {
        // What came before is not to be taken for a word of the peer's (RFC 3207 section 4.2).
        self.received = []
        guard let context = SSL_CTX_new(TLS_client_method()) else { throw Self.tlsFailure() }
        guard let session = SSL_new(context) else {
            SSL_CTX_free(context)
            throw Self.tlsFailure()
        }
        self.tls = (context, session)
        if let authorities {
            guard Self.trust(authorities, context) else {
                throw Failure(status: 75, text: "TLS: ssl_client_ca_file has no certificate that can be read")
            }
        } else {
            SSL_CTX_set_default_verify_paths(context)
        }
        _ = martlet_SSL_CTX_set_min_version(context, TLS1_2_VERSION)
        SSL_set_verify(session, SSL_VERIFY_PEER, nil)
        let parameters = SSL_get0_param(session)
        if X509_VERIFY_PARAM_set1_ip_asc(parameters, host) != 1 {
            SSL_set1_host(session, host)
            _ = martlet_SSL_set_host(session, host)
        }
        ERR_clear_error()
        Self.limit(self.descriptor, until: self.deadline)
        guard SSL_set_fd(session, self.descriptor) == 1, SSL_connect(session) == 1 else {
            let result = SSL_get_verify_result(session)
            if result != Int(X509_V_OK) {
                throw Failure(
                    status: 75, text: "TLS: \(host): \(String(cString: X509_verify_cert_error_string(result)))")
            }
            throw Self.tlsFailure()
        }
    }

    /// Whether there was any in the octets.
    private static func trust(_ authorities: [UInt8], _ context: OpaquePointer) -> Bool {
        guard let bio = martlet_BIO_new_copy(authorities, authorities.count) else { return false }
        defer { BIO_free_all(bio) }
        var count = 0
        while let certificate = PEM_read_bio_X509_AUX(bio, nil, nil, nil) {
            if X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate) == 1 { count += 1 }
            X509_free(certificate)
        }
        ERR_clear_error()
        return count > 0
    }

    private static func tlsFailure() -> Failure {
        let code = ERR_get_error()
        ERR_clear_error()
        let reason = code == 0 ? nil : ERR_reason_error_string(code).map { String(cString: $0) }
        return Failure(status: 75, text: "TLS: \(reason ?? "the connection ended")")
    }

    // MARK: Words

    /// Sends a line and waits for an answer with one of these codes; its lines, without code, as words in capitals.
    mutating func command(_ line: String, _ codes: Int...) throws(Failure) -> [String] {
        try self.write(Array("\(line)\r\n".utf8))
        return try self.reply(codes, to: String(line.prefix { $0 != ":" && $0 != " " }))
    }

    mutating func reply(_ code: Int) throws(Failure) -> [String] { try self.reply([code], to: "") }

    private mutating func reply(_ codes: [Int], to command: String) throws(Failure) -> [String] {
        var lines: [String] = []
        while true {
            guard lines.count < Self.maximumLines else { throw Failure(status: 75, text: "endless answer") }
            let line = try self.line()
            guard line.count >= 3, let code = Int(String(decoding: line.prefix(3), as: UTF8.self)) else {
                throw Failure(status: 75, text: "the MTA answers in another language than SMTP")
            }
            lines.append(String(decoding: line.dropFirst(4), as: UTF8.self))
            guard line.dropFirst(3).first != UInt8(ascii: "-") else { continue }
            if codes.contains(code) { return lines.map { $0.uppercased() } }
            let text = lines.joined(separator: " ")
            throw Failure(
                status: code >= 500 && code < 600 ? 69 : 75,
                text: "\(command.isEmpty ? "" : command + ": ")\(code) \(text)", isAnswer: true)
        }
    }

    private mutating func line() throws(Failure) -> [UInt8] {
        while true {
            if let end = self.received.firstIndex(of: 0x0A) {
                var line = Array(self.received[..<end])
                self.received.removeSubrange(...end)
                if line.last == 0x0D { line.removeLast() }
                return line
            }
            guard self.received.count < Self.maximumReply else { throw Failure(status: 75, text: "endless answer") }
            self.received += try self.read()
        }
    }

    mutating func farewell() { try? self.write(Array("QUIT\r\n".utf8)) }

    /// Sends a file with the line ends of Unix as the data of a message; answers the octets that end it, without which it
    /// is none.
    mutating func sendMessage(_ input: CInt) throws(Failure) -> [UInt8] {
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        var last: UInt8 = 0x0A
        while true {
            let count = piece.withUnsafeMutableBytes { Glibc.read(input, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw Failure(status: 75, text: "temporary file: \(String(cString: strerror(errno)))")
            }
            if count == 0 { break }
            var out: [UInt8] = []
            out.reserveCapacity(count + count / 16)
            for byte in piece[..<count] {
                // RFC 5321 section 4.5.2.
                if last == 0x0A, byte == UInt8(ascii: ".") { out.append(byte) }
                if byte == 0x0A, last != 0x0D { out.append(0x0D) }
                out.append(byte)
                last = byte
            }
            try self.write(out)
        }
        return Array((last == 0x0A ? ".\r\n" : "\r\n.\r\n").utf8)
    }

    /// Sends the end of a message and waits for the answer: 250, or a failure, which is in doubt when there is none.
    mutating func finishMessage(_ end: [UInt8]) throws(Failure) {
        do throws(Failure) {
            try self.write(end)
            _ = try self.reply(250)
        } catch {
            var failure = error
            failure.isInDoubt = !failure.isAnswer
            throw failure
        }
    }

    // MARK: Octets

    private func read() throws(Failure) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            try self.checkTime()
            let count: Int
            if let tls = self.tls {
                count = Int(SSL_read(tls.session, &buffer, CInt(buffer.count)))
            } else {
                count = Glibc.read(self.descriptor, &buffer, buffer.count)
                if count < 0, errno == EINTR { continue }
            }
            guard count > 0 else { throw Failure(status: 75, text: "the MTA does not answer, or ended the connection") }
            return Array(buffer[..<count])
        }
    }

    private func write(_ octets: [UInt8]) throws(Failure) {
        var position = 0
        while position < octets.count {
            try self.checkTime()
            let count: Int = octets.withUnsafeBytes { bytes in
                let rest = UnsafeRawBufferPointer(rebasing: bytes[position...])
                if let tls = self.tls {
                    return Int(SSL_write(tls.session, rest.baseAddress, CInt(clamping: rest.count)))
                }
                return Glibc.send(self.descriptor, rest.baseAddress, rest.count, CInt(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR, self.tls == nil { continue }
            guard count > 0 else { throw Failure(status: 75, text: "the MTA ended the connection") }
            position += count
        }
    }

    private func checkTime() throws(Failure) {
        guard SteadyClock.milliseconds() < self.deadline else {
            throw Failure(status: 75, text: "the MTA takes too long")
        }
        Self.limit(self.descriptor, until: self.deadline)
    }
}
