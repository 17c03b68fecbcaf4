import MailCore

/// The first words of a message for a list (RFC 8970 section 3.3).
public enum Preview {
    /// RFC 8970 asks for at most 200 characters and forbids more than 256.
    public static let maximumCharacters = 200
    /// How far into a text part the preview may look, in octets.
    private static let maximumOctets = 64 * 1024
    /// As a rule it finds enough in the first of these, and else in the second.
    private static let firstOctets = [400, 1024]

    /// The preview as UTF-8, empty when there is no text: from the first text/plain part that shows any,
    /// else from the first text/html. Quoted lines are left out where others are left.
    public static func make(
        _ message: UnsafeRawBufferPointer, _ table: PartTable, converter: CharsetConverter = .builtIn
    ) -> [UInt8] {
        let octets = Octets(message)
        var html: Int?
        var tried = 0
        for index in table.parts.indices where table.parts[index].kind == .text && tried < 8 {
            let text = TextPart(octets, table.parts[index])
            if text.isAttachment { continue }
            if text.isHTML {
                html = html ?? index
                continue
            }
            guard text.isPlain else { continue }
            tried += 1
            let plain = self.summary(text, upTo: self.maximumOctets / 8, converter, self.summary(ofPlain:))
            if !plain.isEmpty { return plain }
        }
        guard let html else { return [] }
        let text = TextPart(octets, table.parts[html])
        return self.summary(text, upTo: self.maximumOctets, converter, self.summary(ofHTML:))
    }

    /// A summary and whether more text would not change it.
    private typealias Summary = (text: [UInt8], isFull: Bool)

    /// Of the text's beginning, and only where that is not enough of `limit` octets: each delivery makes a preview.
    private static func summary(
        _ text: TextPart, upTo limit: Int, _ converter: CharsetConverter, _ summary: ([UInt8]) -> Summary
    ) -> [UInt8] {
        for octets in self.firstOctets {
            let beginning = summary(text.decode(maximumOctets: octets, converter: converter))
            if beginning.isFull || text.body.count <= octets { return beginning.text }
        }
        return summary(text.decode(maximumOctets: limit, converter: converter)).text
    }

    private static func summary(ofPlain text: [UInt8]) -> Summary {
        var own: [UInt8] = []
        own.reserveCapacity(text.count)
        text.withUnsafeBytes { bytes in
            let text = Octets(bytes)
            var start = 0
            while start < text.count {
                let end = text.endOfLine(from: start)
                if text[start] != UInt8(ascii: ">") { own.append(contentsOf: text[start..<end].buffer) }
                start = end
            }
        }
        let summary = self.cut(own)
        // A line that is quoted may be followed by one that is not: only own lines make a summary full.
        return summary.text.isEmpty ? (self.cut(text).text, false) : summary
    }

    private static func cut(_ text: [UInt8]) -> Summary {
        var collapsed: [UInt8] = []
        var repaired: [UInt8] = []
        text.withUnsafeBytes { UTF8Text.appendRepaired(Octets($0), to: &repaired) }
        repaired.withUnsafeMutableBufferPointer { text in
            for index in text.indices where text[index] < 0x20 || text[index] == 0x7F { text[index] = 0x20 }
        }
        repaired.withUnsafeBytes { HeaderBody.appendCollapsed(Octets($0), to: &collapsed) }
        // The text may have been cut within a character or an entity: those at its end do not count.
        let isFull = UTF8Text.prefixLength(collapsed, scalars: self.maximumCharacters + 16) < collapsed.count
        collapsed.removeLast(
            collapsed.count - UTF8Text.prefixLength(collapsed, scalars: self.maximumCharacters))
        return (collapsed, isFull)
    }

    private static func summary(ofHTML html: [UInt8]) -> Summary {
        var text: [UInt8] = []
        html.withUnsafeBytes { HTMLText.append(Octets($0), limit: 8192, to: &text) }
        return self.cut(text)
    }
}
