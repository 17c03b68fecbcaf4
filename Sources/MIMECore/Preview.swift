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

    /// The text between tags, without what stands in `head`, `style`, `script` and `title`.
    private static func summary(ofHTML html: [UInt8]) -> [UInt8] {
        html.withUnsafeBytes { bytes in
            let html = Octets(bytes)
            var text: [UInt8] = []
            var position = 0
            while position < html.count, text.count < 8192 {
                let byte = html[position]
                if byte == UInt8(ascii: "<") {
                    position = self.skipTag(html, at: position)
                    text.append(0x20)
                } else if byte == UInt8(ascii: "&") {
                    position = self.appendEntity(html, at: position, to: &text)
                } else {
                    text.append(byte)
                    position += 1
                }
            }
            return self.cut(text)
        }
    }

    private static func skipTag(_ html: Octets, at start: Int) -> Int {
        if html.hasPrefix([0x3C, 0x21, 0x2D, 0x2D], at: start) {  // <!--
            var i = start + 4
            while let dash = html.index(of: UInt8(ascii: "-"), from: i) {
                if html[dash + 1] == UInt8(ascii: "-"), html[dash + 2] == UInt8(ascii: ">") { return dash + 3 }
                i = dash + 1
            }
            return html.count
        }
        var nameEnd = start + 1
        while nameEnd - start < 12, ASCII.isLetter(html[nameEnd]) { nameEnd += 1 }
        let name = html[start + 1..<nameEnd]
        let end = html.index(of: UInt8(ascii: ">"), from: nameEnd).map { $0 + 1 } ?? html.count
        for hidden in ["style", "script", "title"] as [StaticString] where name.equals(lowercase: hidden) {
            // On to the end tag; without one, the rest is hidden.
            var i = end
            while let open = html.index(of: UInt8(ascii: "<"), from: i) {
                if html[open + 1] == UInt8(ascii: "/"),
                    html[open + 2..<open + 2 + name.count].equals(lowercase: hidden)
                {
                    return html.index(of: UInt8(ascii: ">"), from: open).map { $0 + 1 } ?? html.count
                }
                i = open + 1
            }
            return html.count
        }
        return end
    }

    private static func appendEntity(_ html: Octets, at start: Int, to out: inout [UInt8]) -> Int {
        var end = start + 1
        while end - start < 12, html[end] != UInt8(ascii: ";"), end < html.count { end += 1 }
        guard html[end] == UInt8(ascii: ";"), end < html.count else {
            out.append(UInt8(ascii: "&"))
            return start + 1
        }
        let name = html[start + 1..<end]
        if name[0] == UInt8(ascii: "#") {
            let isHex = name[1] | 0x20 == UInt8(ascii: "x")
            var value: UInt32 = 0
            for byte in name[(isHex ? 2 : 1)..<name.count].buffer {
                guard let digit = ASCII.hexValue(byte), isHex || digit < 10, value < 0x11_0000 else {
                    value = 0
                    break
                }
                value = value * (isHex ? 16 : 10) + UInt32(digit)
            }
            if let scalar = Unicode.Scalar(value), value >= 0x20 { UTF8Text.append(scalar.value, to: &out) }
        } else if name.equals(lowercase: "amp") {
            out.append(UInt8(ascii: "&"))
        } else if name.equals(lowercase: "lt") {
            out.append(UInt8(ascii: "<"))
        } else if name.equals(lowercase: "gt") {
            out.append(UInt8(ascii: ">"))
        } else if name.equals(lowercase: "quot") {
            out.append(UInt8(ascii: "\""))
        } else {
            out.append(0x20)
        }
        return end + 1
    }
}
