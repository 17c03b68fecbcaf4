import AdminCommands
import Glibc
import LMTPCore

/// A connection to the daemon's socket for deliveries; closed with the process.
///
/// Blocks. Speaks LMTP, one command at a time, and sends the message in chunks as it is read, so that its size does
/// not matter.
struct DeliverLink {
    private let socket: LocalSocket
    private static let chunk = 256 << 10
    /// Milliseconds in which a daemon that has answered once must answer again: one that hangs must not hold the MTA's
    /// delivery for ever.
    private static let patience = 300_000
    private static let silence =
        "the daemon's mail role does not answer; is it still starting? The daemon's log says more"

    /// - Parameter patience: milliseconds in which the daemon has to greet.
    init(_ path: String, patience: Int = LocalSocket.patience) throws(DeliverFailure) {
        do throws(LocalSocket.Failure) {
            self.socket = try LocalSocket(path, patience: patience)
        } catch {
            switch error {
            case .pathTooLong: throw DeliverFailure(.temporary, "cannot connect to \(path): the path is too long")
            case .noAnswer: throw DeliverFailure(.temporary, Self.silence)
            case .system(let number):
                throw DeliverFailure(.temporary, "cannot connect to \(path): \(String(cString: strerror(number)))")
            }
        }
    }

    /// Hands the message over; returns when it is durable or needs nothing more.
    func deliver(
        _ delivery: LocalDelivery, _ envelope: DeliverEnvelope, from input: CInt
    ) throws(DeliverFailure) {
        // They come from mail: a line end in one would be the end of the command.
        let addresses: [EnvelopeAddress?] = [envelope.sender, envelope.recipient, envelope.original]
        guard addresses.allSatisfy({ $0?.quoted.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } ?? true }) else {
            throw DeliverFailure(.data, "an address has control characters in it")
        }
        var buffer: [UInt8] = []
        try self.expect(try self.reply(&buffer))
        self.socket.setPatience(Self.patience)
        try self.command("LHLO localhost", &buffer)
        try self.command(delivery.line, &buffer)
        let sender = envelope.sender?.quoted ?? ""
        // A sender that is no address has nobody to be answered.
        try self.send(Array("MAIL FROM:<\(sender)>\r\n".utf8))
        if try self.reply(&buffer).code / 100 == 5 { try self.command("MAIL FROM:<>", &buffer) }
        var recipient = "RCPT TO:<\(envelope.recipient.quoted)>"
        if let original = envelope.original { recipient += " ORCPT=rfc822;\(Xtext.encode(original.quoted))" }
        try self.send(Array("\(recipient)\r\n".utf8))
        let answer = try self.reply(&buffer)
        if answer.code == 501 {
            // Not an address; the user is known by name.
            try self.command("RCPT TO:<recipient>", &buffer)
        } else {
            try self.expect(answer)
        }
        try self.sendMessage(envelope, from: input, &buffer)
    }

    private func sendMessage(
        _ envelope: DeliverEnvelope, from input: CInt, _ buffer: inout [UInt8]
    ) throws(DeliverFailure) {
        var piece = try Self.read(input, upTo: Self.chunk)
        if piece.isEmpty { throw DeliverFailure(.temporary, "there is no message") }
        if piece.starts(with: "From ".utf8) {
            // The line that separates messages in a mbox, which MTAs put before it.
            piece.removeFirst(min(piece.count, (piece.firstIndex(of: 0x0A) ?? piece.count - 1) + 1))
        }
        if envelope.hasSender, !MessageStart.hasReturnPath(piece) {
            piece.insert(contentsOf: "Return-Path: <\(envelope.sender?.quoted ?? "")>\r\n".utf8, at: 0)
        }
        while true {
            let next = try Self.read(input, upTo: Self.chunk)
            let isLast = next.isEmpty
            try self.send(Array("BDAT \(piece.count)\(isLast ? " LAST" : "")\r\n".utf8))
            try self.send(piece)
            try self.expect(try self.reply(&buffer))
            if isLast { return }
            piece = next
        }
    }

    /// Full pieces, so that headers are whole in the first one; an empty one at the end.
    private static func read(_ input: CInt, upTo limit: Int) throws(DeliverFailure) -> [UInt8] {
        var octets = [UInt8](repeating: 0, count: limit)
        var filled = 0
        while filled < limit {
            let count = octets.withUnsafeMutableBytes { bytes in
                Glibc.read(input, bytes.baseAddress.map { $0 + filled }, limit - filled)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw DeliverFailure(.temporary, "cannot read the message: \(String(cString: strerror(errno)))")
            }
            if count == 0 { break }
            filled += count
        }
        octets.removeLast(limit - filled)
        return octets
    }

    // MARK: LMTP

    private struct Reply {
        var code: Int
        var text: String
    }

    private func command(_ line: String, _ buffer: inout [UInt8]) throws(DeliverFailure) {
        try self.send(Array("\(line)\r\n".utf8))
        try self.expect(try self.reply(&buffer))
    }

    private func send(_ bytes: [UInt8]) throws(DeliverFailure) {
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                write(self.socket.descriptor, buffer.baseAddress.map { $0 + offset }, buffer.count - offset)
            }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { throw DeliverFailure(.temporary, Self.silence) }
            guard count > 0 else { throw DeliverFailure(.temporary, "the daemon ended the connection") }
            offset += count
        }
    }

    /// The next reply, the lines of its text joined by line ends.
    private func reply(_ buffer: inout [UInt8]) throws(DeliverFailure) -> Reply {
        var chunk = [UInt8](repeating: 0, count: 4096)
        var text = ""
        while true {
            while let end = buffer.firstIndex(of: 0x0A) {
                let line = String(decoding: buffer[..<end].filter { $0 != 0x0D }, as: UTF8.self)
                buffer.removeFirst(end + 1)
                text += (text.isEmpty ? "" : "\n") + String(line.dropFirst(4))
                if line.dropFirst(3).first == "-", text.utf8.count < 1 << 20 { continue }
                return Reply(code: Int(line.prefix(3)) ?? 0, text: text)
            }
            let count = Glibc.read(self.socket.descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { throw DeliverFailure(.temporary, Self.silence) }
            guard count > 0, buffer.count < 1 << 20 else {
                throw DeliverFailure(.temporary, "the daemon ended the connection")
            }
            buffer += chunk[..<count]
        }
    }

    /// Ends for everything but success: with the status that tells the caller what to do with the message.
    private func expect(_ reply: Reply) throws(DeliverFailure) {
        guard reply.code / 100 != 2 else { return }
        // `5.1.1 text`, in each line.
        let words = reply.text.split(separator: " ", maxSplits: 1).map(String.init)
        let (enhanced, rest) = words.count == 2 ? (words[0], words[1]) : ("", reply.text)
        let text = enhanced.isEmpty ? rest : rest.replacing("\n\(enhanced) ", with: "\n")
        guard reply.code / 100 == 5 else { throw DeliverFailure(.temporary, text) }
        switch enhanced {
        case "5.1.1": throw DeliverFailure(.noUser, text)
        // The script's refusal, a full mailbox, a message that is too big.
        case "5.7.1", "5.2.2", "5.3.4": throw DeliverFailure(.noPermission, text)
        default: throw DeliverFailure(.temporary, text)
        }
    }
}

/// What is looked for in a message's first octets.
enum MessageStart {
    /// Whether the header, as far as it is there, has a Return-Path field.
    static func hasReturnPath(_ octets: [UInt8]) -> Bool {
        let name = Array("return-path:".utf8)
        var start = 0
        while start < octets.count, octets[start] != 0x0A, octets[start] != 0x0D {
            let end = octets[start...].firstIndex(of: 0x0A) ?? octets.count - 1
            let field = octets[start...end].prefix(name.count).map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }
            if field == name { return true }
            start = end + 1
        }
        return false
    }
}
