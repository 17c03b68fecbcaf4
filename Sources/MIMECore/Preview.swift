import MailCore

/// The first words of a message for a list (RFC 8970 section 3.3).
public enum Preview {
    /// RFC 8970 asks for at most 200 characters and forbids more than 256.
    public static let maximumCharacters = 200
    /// How far into a text part the preview may look, in octets.
    private static let maximumOctets = 64 * 1024

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
            let lines = text.decode(maximumOctets: self.maximumOctets / 8, converter: converter)
            let plain = self.summary(ofPlain: lines)
            if !plain.isEmpty { return plain }
        }
        guard let html else { return [] }
        let text = TextPart(octets, table.parts[html])
        return self.summary(
            ofHTML: text.decode(maximumOctets: self.maximumOctets, converter: converter))
    }

    private static func summary(ofPlain text: [UInt8]) -> [UInt8] {
        var own: [UInt8] = []
        for line in text.split(separator: 0x0A) where line.first != UInt8(ascii: ">") {
            own.append(contentsOf: line)
            own.append(0x20)
        }
        let summary = self.cut(own)
        return summary.isEmpty ? self.cut(text) : summary
    }

    private static func cut(_ text: [UInt8]) -> [UInt8] {
        var collapsed: [UInt8] = []
        var repaired: [UInt8] = []
        text.withUnsafeBytes { UTF8Text.appendRepaired(Octets($0), to: &repaired) }
        for index in repaired.indices where repaired[index] < 0x20 || repaired[index] == 0x7F {
            repaired[index] = 0x20
        }
        repaired.withUnsafeBytes { HeaderBody.appendCollapsed(Octets($0), to: &collapsed) }
        collapsed.removeLast(
            collapsed.count - UTF8Text.prefixLength(collapsed, scalars: self.maximumCharacters))
        return collapsed
    }

    private static func summary(ofHTML html: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        html.withUnsafeBytes { HTMLText.append(Octets($0), limit: 8192, to: &text) }
        return self.cut(text)
    }
}
