import MailCore

/// A reply: code, enhanced status (RFC 2034) and text.
public struct LMTPReply: Sendable, Hashable {
    public var code: Int
    /// Such as `5.1.1`; empty for replies that have none (greeting, LHLO, 354).
    public var enhanced: String
    public var text: String

    public init(_ code: Int, _ enhanced: String, _ text: String) {
        self.code = code
        self.enhanced = enhanced
        self.text = text
    }

    /// Whether the client may try again.
    public var isTemporary: Bool { (400..<500).contains(self.code) }

    /// Appends the line with its CRLF. Characters that would end the line become `?`.
    public func encode(into out: inout [UInt8]) {
        self.encode(into: &out, separator: UInt8(ascii: " "), text: self.text)
    }

    /// Appends a reply of several lines, the first `text` and then `more`, as LHLO answers.
    public func encode(into out: inout [UInt8], more: [String]) {
        let lines = [self.text] + more
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
        for byte in text.utf8 { out.append(byte < 0x20 || byte == 0x7F ? UInt8(ascii: "?") : byte) }
        out.append("\r\n")
    }
}
