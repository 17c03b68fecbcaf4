import MailCore

/// A reply: code, enhanced status (RFC 2034) and text.
public struct LMTPReply: Sendable, Hashable {
    public var code: Int
    /// Such as `5.1.1`; empty for replies that have none (greeting, LHLO, 354).
    public var enhanced: String
    public var text: String
    /// Lines behind that of `text`.
    public var more: [String] = []

    public init(_ code: Int, _ enhanced: String, _ text: String) {
        self.code = code
        self.enhanced = enhanced
        self.text = text
    }

    /// Whether the client may try again.
    public var isTemporary: Bool { (400..<500).contains(self.code) }

    /// Appends its lines, each with its CRLF. Characters that would end a line become `?`.
    public func encode(into out: inout [UInt8]) {
        let lines = [self.text] + self.more
        for (index, line) in lines.enumerated() {
            self.encode(
                into: &out, separator: UInt8(ascii: index == lines.count - 1 ? " " : "-"), text: line)
        }
    }

    private func encode(into out: inout [UInt8], separator: UInt8, text: String) {
        out.appendDecimal(UInt64(max(0, self.code)))
        out.append(separator)
        if !self.enhanced.isEmpty {
            out.append(contentsOf: self.enhanced.utf8)
            out.append(0x20)
        }
        for byte in text.utf8 {
            out.append((byte < 0x20 && byte != 0x09) || byte == 0x7F ? UInt8(ascii: "?") : byte)
        }
        out.append("\r\n")
    }
}

extension LMTPReply {
    /// Octets of the text of a line; with code and line end it may have 512 (RFC 5321 section 4.5.3.1.5).
    private static let lineLength = 450
    private static let maximumLines = 100
    private static let reasonInASCII = "The message was refused by the recipient's mail filtering program"

    /// The refusal of a message in a user's words: a line for each of theirs, long ones broken (RFC 5429 section 2.5).
    /// Words that are not US-ASCII may not stand in an answer, and others take their place (section 2.1.1).
    public static func refusing(_ address: EnvelopeAddress, reason: String) -> LMTPReply {
        let isASCII = reason.utf8.allSatisfy { $0 < 0x80 }
        let text = Array("<\(address.quoted)> \(isASCII ? reason : Self.reasonInASCII)".utf8)
        var lines: [String] = []
        for line in text.split(separator: 0x0A, omittingEmptySubsequences: false) {
            var rest = line.last == 0x0D ? line.dropLast() : line
            while rest.count > Self.lineLength {
                let end = Self.end(of: rest)
                lines.append(String(decoding: rest[..<end], as: UTF8.self))
                rest = rest[end...]
                if rest.first == 0x20 { rest = rest.dropFirst() }
            }
            lines.append(String(decoding: rest, as: UTF8.self))
        }
        while lines.count > 1, lines.last?.isEmpty ?? false { lines.removeLast() }
        var reply = LMTPReply(550, "5.7.1", lines.first ?? "")
        reply.more = Array(lines.dropFirst().prefix(Self.maximumLines - 1))
        return reply
    }

    /// Where a line that is too long is broken: at a blank, or else between two characters.
    private static func end(of line: ArraySlice<UInt8>) -> Int {
        let limit = line.startIndex + Self.lineLength
        if let blank = line[..<limit].lastIndex(of: 0x20), blank > line.startIndex { return blank }
        var end = limit
        while end > line.startIndex + 1, line[end] & 0xC0 == 0x80 { end -= 1 }
        return end
    }
}
