import MailCore

/// The text that an HTML document shows.
public enum HTMLText {
    /// Appends the text between the tags, entities resolved, without what stands in `style`, `script` and `title`, about
    /// `limit` octets of it. A tag that begins something new leaves a space; runs of white space stay as they are.
    ///
    /// - Parameter html: UTF-8. Whatever it is, time is linear in it.
    public static func append(_ html: Octets, limit: Int = .max, to out: inout [UInt8]) {
        let start = out.count
        var position = 0
        while position < html.count, out.count - start < limit {
            let byte = html[position]
            if byte == UInt8(ascii: "<") {
                position = self.skipTag(html, at: position, to: &out)
            } else if byte == UInt8(ascii: "&") {
                position = self.appendEntity(html, at: position, to: &out)
            } else {
                let stop = position + min(html.count - position, max(1, limit - (out.count - start)))
                let end = self.endOfRun(html.buffer, position, stop)
                out.append(contentsOf: html[position..<end].buffer)
                position = end
            }
        }
    }

    /// Where the text that begins at `start` meets a tag or an entity.
    private static func endOfRun(_ html: UnsafeRawBufferPointer, _ start: Int, _ stop: Int) -> Int {
        var end = start
        while end < stop, html[end] != UInt8(ascii: "<"), html[end] != UInt8(ascii: "&") { end &+= 1 }
        return end
    }

    /// Tags inside a word, by the length of their names: they leave no space.
    private static let inline: [[UInt64]] = [
        [], ["a", "b", "i", "s", "u"], ["em", "tt"], ["big", "del", "ins", "sub", "sup", "wbr"],
        ["abbr", "code", "font", "mark", "span"], ["small"], ["strike", "strong"],
    ].map { $0.map { Self.packed($0.utf8) ?? 0 } }

    /// A name and its length in one number; `nil` for one that is longer than any asked for.
    @inline(__always)
    private static func packed(_ name: some Collection<UInt8>) -> UInt64? {
        if name.count > 7 { return nil }
        return name.reduce(1) { $0 << 8 | UInt64($1) }
    }

    /// Whether such a tag, letters folded, stands inside a word.
    private static func isInline(_ name: Octets) -> Bool {
        guard name.count < self.inline.count, let packed = self.packed(name.buffer) else { return false }
        return self.inline[name.count].contains(packed | 0x2020_2020_2020_2020 &>> UInt64(64 - 8 * name.count))
    }

    private static func skipTag(_ html: Octets, at start: Int, to out: inout [UInt8]) -> Int {
        if html[start + 1..<start + 4].buffer.elementsEqual("!--".utf8) {
            var i = start + 4
            while let dash = html.index(of: UInt8(ascii: "-"), from: i) {
                if html[dash + 1] == UInt8(ascii: "-"), html[dash + 2] == UInt8(ascii: ">") { return dash + 3 }
                i = dash + 1
            }
            return html.count
        }
        let nameStart = html[start + 1] == UInt8(ascii: "/") ? start + 2 : start + 1
        var nameEnd = nameStart
        while nameEnd - nameStart < 12, ASCII.isLetter(html[nameEnd]) { nameEnd += 1 }
        let name = html[nameStart..<nameEnd]
        let end = html.index(of: UInt8(ascii: ">"), from: nameEnd).map { $0 + 1 } ?? html.count
        if !self.isInline(name) { out.append(0x20) }
        guard nameStart == start + 1, name.count == 5 || name.count == 6 else { return end }
        let hidden: StaticString? =
            name.equals(lowercase: "style")
            ? "style" : name.equals(lowercase: "script") ? "script" : name.equals(lowercase: "title") ? "title" : nil
        if let hidden {
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
        } else {
            UTF8Text.append(self.packed(name.buffer).flatMap { self.entities[$0] } ?? 0x20, to: &out)
        }
        return end + 1
    }

    /// The named entities that mail has; others become a space.
    private static let entities: [UInt64: UInt32] = {
        var entities: [UInt64: UInt32] = [:]
        for (name, scalar) in [
            ("amp", 0x26), ("AMP", 0x26), ("lt", 0x3C), ("LT", 0x3C), ("gt", 0x3E), ("GT", 0x3E), ("quot", 0x22),
            ("QUOT", 0x22), ("apos", 0x27), ("euro", 0x20AC), ("ndash", 0x2013), ("mdash", 0x2014),
            ("lsquo", 0x2018), ("rsquo", 0x2019), ("sbquo", 0x201A), ("ldquo", 0x201C), ("rdquo", 0x201D),
            ("bdquo", 0x201E), ("bull", 0x2022), ("hellip", 0x2026), ("lsaquo", 0x2039), ("rsaquo", 0x203A),
            ("trade", 0x2122), ("OElig", 0x152), ("oelig", 0x153), ("Scaron", 0x160), ("scaron", 0x161),
            ("Yuml", 0x178), ("nbsp", 0x20),
        ] as [(String, UInt32)] {
            if let packed = Self.packed(name.utf8) { entities[packed] = scalar }
        }
        // The names of U+00A1 to U+00FF.
        let latin =
            "iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute "
            + "micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml "
            + "Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc "
            + "Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml "
            + "aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc "
            + "otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml"
        for (offset, name) in latin.utf8.split(separator: 0x20).enumerated() {
            if let packed = Self.packed(name) { entities[packed] = 0xA1 + UInt32(offset) }
        }
        return entities
    }()
}
