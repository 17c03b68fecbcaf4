import MailCore
import MailStore

/// What a log line needs to be found again: the Message-ID, and the MTA's queue id from the topmost Received
/// field that names one.
struct MessageTrace {
    /// Without its angle brackets.
    private(set) var messageID = ""
    private(set) var queueID = ""

    /// Fields longer than this are not searched.
    private static let maximumField = 4096
    private static let maximumFields = 200

    /// - Parameter afterOwnField: whether the first Received field is ours, which names no MTA's queue.
    init(_ message: IncomingMessage, afterOwnField: Bool) {
        message.octets.withUnsafeBytes { self.scan(Span(_unsafeBytes: $0), skippedOwn: !afterOwnField) }
    }

    private mutating func scan(_ octets: Span<UInt8>, skippedOwn: Bool) {
        var start = 0
        var skippedOwn = skippedOwn
        for _ in 0..<Self.maximumFields where self.messageID.isEmpty || self.queueID.isEmpty {
            guard start < octets.count, octets[start] != 0x0D, octets[start] != 0x0A else { return }
            var end = start
            repeat {
                while end < octets.count, octets[end] != 0x0A { end += 1 }
                end = min(end + 1, octets.count)
            } while end < octets.count && ASCII.isBlank(octets[end])
            let field = octets.extracting(start..<min(end, start + Self.maximumField))
            if self.messageID.isEmpty, let body = Self.body(of: field, named: "message-id:") {
                let word = Self.words(field, from: body).first ?? ""
                let hasBrackets = word.hasPrefix("<") && word.hasSuffix(">") && word.utf8.count >= 2
                self.messageID = hasBrackets ? String(word.dropFirst().dropLast()) : word
            } else if self.queueID.isEmpty, let body = Self.body(of: field, named: "received:") {
                let words = Self.words(field, from: body)
                if !skippedOwn {
                    skippedOwn = true
                } else if let id = words.firstIndex(of: "id"), id + 1 < words.count {
                    self.queueID = words[id + 1]
                    if self.queueID.hasSuffix(";") { self.queueID.removeLast() }
                }
            }
            start = end
        }
    }

    private static func body(of field: Span<UInt8>, named name: StaticString) -> Int? {
        let length = name.utf8CodeUnitCount
        guard field.count > length, ASCII.equals(field.extracting(0..<length), lowercase: name) else { return nil }
        return length
    }

    /// The blank-separated words, printable characters only.
    private static func words(_ field: Span<UInt8>, from start: Int) -> [String] {
        var words: [String] = []
        var word: [UInt8] = []
        for i in start..<field.count {
            if field[i] > 0x20, field[i] < 0x7F {
                word.append(field[i])
            } else if !word.isEmpty {
                words.append(String(decoding: word, as: UTF8.self))
                word = []
            }
        }
        if !word.isEmpty { words.append(String(decoding: word, as: UTF8.self)) }
        return words
    }
}
