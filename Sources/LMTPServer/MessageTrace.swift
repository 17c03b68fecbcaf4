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
        message.octets.withUnsafeBytes { self.scan($0, skippedOwn: !afterOwnField) }
    }

    private mutating func scan(_ octets: UnsafeRawBufferPointer, skippedOwn: Bool) {
        var start = 0
        var skippedOwn = skippedOwn
        for _ in 0..<Self.maximumFields where self.messageID.isEmpty || self.queueID.isEmpty {
            guard start < octets.count, octets[start] != 0x0D, octets[start] != 0x0A else { return }
            var end = start
            repeat {
                end = octets.firstIndex(of: 0x0A, from: end).map { $0 + 1 } ?? octets.count
            } while end < octets.count && ASCII.isBlank(octets[end])
            let field = UnsafeRawBufferPointer(rebasing: octets[start..<min(end, start + Self.maximumField)])
            if self.messageID.isEmpty, let body = Self.body(of: field, named: "message-id:") {
                let word = Self.word(field, from: body).map { Self.text(field, $0) } ?? ""
                let hasBrackets = word.hasPrefix("<") && word.hasSuffix(">") && word.utf8.count >= 2
                self.messageID = hasBrackets ? String(word.dropFirst().dropLast()) : word
            } else if self.queueID.isEmpty, let body = Self.body(of: field, named: "received:") {
                if !skippedOwn {
                    skippedOwn = true
                } else {
                    self.queueID = Self.wordBehindID(field, from: body)
                }
            }
            start = end
        }
    }

    private static func body(of field: UnsafeRawBufferPointer, named name: StaticString) -> Int? {
        let length = name.utf8CodeUnitCount
        guard field.count > length,
            ASCII.equals(Span(_unsafeBytes: UnsafeRawBufferPointer(rebasing: field[..<length])), lowercase: name)
        else { return nil }
        return length
    }

    /// What a Received field has behind `id`.
    private static func wordBehindID(_ field: UnsafeRawBufferPointer, from start: Int) -> String {
        var next = Self.word(field, from: start)
        while let word = next {
            next = Self.word(field, from: word.upperBound)
            guard field[word].elementsEqual("id".utf8), let id = next else { continue }
            let text = Self.text(field, id)
            return text.hasSuffix(";") ? String(text.dropLast()) : text
        }
        return ""
    }

    /// Where the first word of printable characters stands.
    private static func word(_ field: UnsafeRawBufferPointer, from start: Int) -> Range<Int>? {
        var first = start
        while first < field.count, !Self.isPrintable(field[first]) { first += 1 }
        var end = first
        while end < field.count, Self.isPrintable(field[end]) { end += 1 }
        return first < end ? first..<end : nil
    }

    private static func isPrintable(_ byte: UInt8) -> Bool { byte > 0x20 && byte < 0x7F }

    private static func text(_ field: UnsafeRawBufferPointer, _ range: Range<Int>) -> String {
        String(decoding: field[range], as: UTF8.self)
    }
}
