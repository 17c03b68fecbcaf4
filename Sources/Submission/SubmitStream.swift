import Glibc
import MailCore

/// What the mail role and the submit role say to each other over a unix socket, one mail or question a connection.
///
/// ```
/// C: length of the head (4 octets), head: 1 octet (1 send, 2 what became of it), queue (8), delivery (8), number (4);
///    to send, sendmail's arguments behind it (count, then texts as `MailCore` writes them)
/// C: to send, chunks of the message: length (4 octets), octets; a length of 0 ends it
/// S: 1 octet (1 answered, 2 not begun, 3 unknown), exit status (1 octet), what was printed
/// ```
/// A message whose end does not come is not sent: half a message is worse than none.
enum SubmitStream {
    enum Verb: UInt8 {
        case send = 1
        case fate = 2
    }

    static let maximumHead = 64 * 1024
    static let maximumChunk = 1 << 20
    static let maximumText = 1000

    static func head(_ verb: Verb, _ id: HandoverID, _ arguments: [String]) -> [UInt8] {
        var head: [UInt8] = [verb.rawValue]
        head.appendLittleEndian(id.queue)
        head.appendLittleEndian(id.delivery)
        head.appendLittleEndian(id.number)
        head.appendVarint(UInt64(arguments.count))
        for argument in arguments { head.appendText(argument) }
        return self.length(head.count) + head
    }

    static func parse(_ bytes: [UInt8]) -> (verb: Verb, id: HandoverID, arguments: [String])? {
        bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            guard let verb = reader.readLittleEndian(UInt8.self).flatMap(Verb.init(rawValue:)),
                let queue = reader.readLittleEndian(UInt64.self), let delivery = reader.readLittleEndian(UInt64.self),
                let number = reader.readLittleEndian(UInt32.self), let count = reader.readVarint(), count <= 1000
            else { return nil }
            var words: [String] = []
            for _ in 0..<count {
                guard let word = reader.readText(), !word.utf8.contains(0) else { return nil }
                words.append(word)
            }
            return (verb, HandoverID(queue: queue, delivery: delivery, number: number), words)
        }
    }

    static func octets(_ fate: HandoverFate) -> [UInt8] {
        switch fate {
        case .answered(let status, let text): [1, status] + text.utf8.prefix(self.maximumText)
        case .notBegun: [2, 0]
        case .unknown: [3, 0]
        }
    }

    static func fate(_ octets: [UInt8]) -> HandoverFate? {
        guard octets.count >= 2 else { return nil }
        switch octets[0] {
        case 1: return .answered(status: octets[1], text: String(decoding: octets[2...], as: UTF8.self))
        case 2: return .notBegun
        case 3: return .unknown
        default: return nil
        }
    }

    // MARK: Sockets

    static func length(_ count: Int) -> [UInt8] {
        var out: [UInt8] = []
        out.appendLittleEndian(UInt32(clamping: count))
        return out
    }

    static func readLength(_ descriptor: CInt) -> Int? {
        self.readExactly(descriptor, 4).map { bytes in
            bytes.indices.reduce(0) { $0 | Int(bytes[$1]) << (8 * $1) }
        }
    }

    static func readExactly(_ descriptor: CInt, _ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var position = 0
        while position < count {
            let got = bytes.withUnsafeMutableBytes { space in
                read(descriptor, space.baseAddress.map { $0 + position }, count - position)
            }
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { return nil }
            position += got
        }
        return bytes
    }

    /// To a socket or a file; a peer that is gone ends nothing but this.
    static func writeAll(_ descriptor: CInt, _ bytes: [UInt8], isSocket: Bool) -> Bool {
        bytes.withUnsafeBytes { bytes in
            var position = 0
            while position < bytes.count {
                let place = bytes.baseAddress.map { $0 + position }
                let left = bytes.count - position
                let count =
                    isSocket
                    ? Glibc.send(descriptor, place, left, CInt(MSG_NOSIGNAL)) : Glibc.write(descriptor, place, left)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                position += count
            }
            return true
        }
    }
}
