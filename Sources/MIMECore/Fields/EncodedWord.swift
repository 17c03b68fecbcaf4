import MailCore

/// Encoded words in header fields (RFC 2047).
public enum EncodedWord {
    // MARK: Decoding

    /// Unfolds a header body and decodes its encoded words to UTF-8. White space between two encoded words
    /// is dropped (section 6.2); what is not a proper encoded word stays as it is.
    ///
    /// Neighbouring words of one charset are converted as one text, since clients break characters between
    /// words although section 5 forbids it. Raw 8-bit text is taken as UTF-8, else as windows-1252.
    public static func decode(_ body: Octets, converter: CharsetConverter = .builtIn) -> [UInt8] {
        self.decode(body) { converter.utf8($0, charset: $1) }
    }

    /// The header body with its encoded words decoded but in their own charsets, when one of these is unknown or its
    /// text is none: so are such texts compared (RFC 5255 section 4.6). `nil` for all others.
    public static func unconverted(_ body: Octets, converter: CharsetConverter = .builtIn) -> [UInt8]? {
        guard self.mayBeIn(body) else { return nil }
        var hasFailed = false
        let text = self.decode(body) { octets, charset in
            if !charset.isEmpty, !converter.understands(octets, charset: charset) { hasFailed = true }
            return octets
        }
        return hasFailed ? text : nil
    }

    /// Whether there is what an encoded word begins with.
    static func mayBeIn(_ body: Octets) -> Bool {
        var position = 0
        while let sign = body.index(of: UInt8(ascii: "="), from: position) {
            if body[sign + 1] == UInt8(ascii: "?") { return true }
            position = sign + 1
        }
        return false
    }

    /// - Parameter convert: what becomes of octets in a charset, which is empty for text that is not encoded.
    private static func decode(
        _ body: Octets, _ convert: (_ octets: [UInt8], _ charset: [UInt8]) -> [UInt8]
    ) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(body.count)
        var run: [UInt8] = []
        var runCharset: [UInt8] = []
        var raw: [UInt8] = []
        var spaces: [UInt8] = []
        var position = 0
        var end = body.count
        while position < end, HeaderBody.isSpace(body[position]) { position += 1 }
        while end > position, HeaderBody.isSpace(body[end - 1]) { end -= 1 }

        func flushRun() {
            guard !run.isEmpty else { return }
            out.append(contentsOf: convert(run, runCharset))
            run.removeAll(keepingCapacity: true)
        }
        func flushRaw() {
            guard !raw.isEmpty else { return }
            out.append(contentsOf: convert(raw, []))
            raw.removeAll(keepingCapacity: true)
        }
        var previousWasWord = false
        while position < end {
            let byte = body[position]
            if HeaderBody.isSpace(byte) || byte == 0 {
                if byte == 0x20 || byte == 0x09 { spaces.append(byte) }
                position += 1
                continue
            }
            if byte == UInt8(ascii: "="), body[position + 1] == UInt8(ascii: "?"),
                let word = self.parse(body, at: position)
            {
                flushRaw()
                if !previousWasWord {
                    out.append(contentsOf: spaces)
                } else if !ASCII.equalsIgnoringCase(word.charset, runCharset) {
                    flushRun()
                }
                spaces.removeAll(keepingCapacity: true)
                runCharset = word.charset
                run.append(contentsOf: word.octets)
                position = word.end
                previousWasWord = true
                continue
            }
            flushRun()
            previousWasWord = false
            raw.append(contentsOf: spaces)
            spaces.removeAll(keepingCapacity: true)
            repeat {
                raw.append(body[position])
                position += 1
            } while position < end && !HeaderBody.isSpace(body[position]) && body[position] != 0
                && !(body[position] == UInt8(ascii: "=") && body[position + 1] == UInt8(ascii: "?"))
        }
        flushRun()
        flushRaw()
        return out
    }

    private struct Word {
        var charset: [UInt8]
        var octets: [UInt8]
        var end: Int
    }

    /// The encoded word at `start`, of at most 1,000 octets: section 2 allows 75, many clients more.
    private static func parse(_ body: Octets, at start: Int) -> Word? {
        let limit = min(body.count, start + 1000)
        func next(_ from: Int) -> Int? {
            var i = from
            while i < limit, body[i] != UInt8(ascii: "?") {
                if HeaderBody.isSpace(body[i]) { return nil }
                i += 1
            }
            return i < limit ? i : nil
        }
        guard let charsetEnd = next(start + 2), charsetEnd > start + 2,
            let encodingEnd = next(charsetEnd + 1), encodingEnd == charsetEnd + 2
        else { return nil }
        // Spaces inside the text are wrong, but Q text with them is common; line ends never.
        var textEnd = encodingEnd + 1
        while textEnd < limit,
            !(body[textEnd] == UInt8(ascii: "?") && body[textEnd + 1] == UInt8(ascii: "="))
        {
            if body[textEnd] == 0x0A { return nil }
            textEnd += 1
        }
        guard textEnd + 1 < limit else { return nil }
        let text = body[encodingEnd + 1..<textEnd]
        let octets: [UInt8]
        switch body[charsetEnd + 1] | 0x20 {
        case UInt8(ascii: "q"): octets = self.decodeQ(text)
        case UInt8(ascii: "b"):
            var decoder = Base64Decoder()
            var decoded: [UInt8] = []
            decoder.decode(text, into: &decoded)
            decoder.finish(into: &decoded)
            octets = decoded
        default: return nil
        }
        return Word(charset: Array(body[start + 2..<charsetEnd].buffer), octets: octets, end: textEnd + 2)
    }

    private static func decodeQ(_ text: Octets) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(text.count)
        var i = 0
        while i < text.count {
            let byte = text[i]
            if byte == UInt8(ascii: "_") {
                out.append(0x20)
            } else if byte == UInt8(ascii: "="), let high = ASCII.hexValue(text[i + 1]),
                let low = ASCII.hexValue(text[i + 2])
            {
                out.append(high << 4 | low)
                i += 2
            } else {
                out.append(byte)
            }
            i += 1
        }
        return out
    }

    // MARK: Encoding

    /// A phrase or unstructured text in a form for header fields: as it is when it is printable US-ASCII,
    /// else with the words that are not as encoded words, separated by spaces and none over 75 octets.
    public static func encode(_ text: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        self.encodeRaw(text, into: &out)
        return out
    }

    /// All of a text in encoded words, also what could stand for itself: a form for phrases, since in plain words of one
    /// a comma would have a meaning.
    public static func encodeAll(_ text: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        self.appendWords(text[...], charset: UTF8Text.isValid(text) ? "utf-8" : "unknown-8bit", to: &out)
        return out
    }

    /// The same for text whose charset is not known to be UTF-8: what is not valid UTF-8 is labelled
    /// `unknown-8bit` (RFC 1428), which keeps the octets.
    static func encodeRaw(_ text: [UInt8], into out: inout [UInt8]) {
        let charset: StaticString = UTF8Text.isValid(text) ? "utf-8" : "unknown-8bit"
        let words = text.split(separator: 0x20, omittingEmptySubsequences: false)
        var index = 0
        while index < words.count {
            if index > 0 { out.append(0x20) }
            guard self.needsEncoding(words[index]) else {
                out.append(contentsOf: words[index])
                index += 1
                continue
            }
            // White space between two encoded words is dropped on decoding: encode it with them.
            var last = index
            while let next = words[(last + 1)...].firstIndex(where: { !$0.isEmpty }),
                self.needsEncoding(words[next])
            {
                last = next
            }
            let run = text[words[index].startIndex..<words[last].endIndex]
            self.appendWords(run, charset: charset, to: &out)
            index = last + 1
        }
    }

    private static func needsEncoding(_ word: ArraySlice<UInt8>) -> Bool {
        word.contains { $0 >= 0x7F || $0 < 0x20 }
    }

    private static func appendWords(
        _ text: ArraySlice<UInt8>, charset: StaticString, to out: inout [UInt8]
    ) {
        let overhead = charset.utf8CodeUnitCount + 7
        var used = 0
        var isOpen = false
        var i = text.startIndex
        while i < text.endIndex {
            // A character stays in one word (section 5).
            var end = i + 1
            while end < text.endIndex, end - i < 4, text[end] & 0xC0 == 0x80, text[i] >= 0xC0 { end += 1 }
            var cost = 0
            for byte in text[i..<end] { cost += self.isPlainInQ(byte) || byte == 0x20 ? 1 : 3 }
            if isOpen, used + cost > 75 {
                out.append("?= ")
                isOpen = false
            }
            if !isOpen {
                out.append("=?")
                out.append(charset)
                out.append("?Q?")
                used = overhead
                isOpen = true
            }
            for byte in text[i..<end] {
                if byte == 0x20 {
                    out.append(UInt8(ascii: "_"))
                } else if self.isPlainInQ(byte) {
                    out.append(byte)
                } else {
                    out.append(UInt8(ascii: "="))
                    out.appendCapitalHex(byte)
                }
            }
            used += cost
            i = end
        }
        if isOpen { out.append("?=") }
    }

    /// What may stand for itself in a phrase (section 5, rule 3).
    private static func isPlainInQ(_ byte: UInt8) -> Bool {
        ASCII.isDigit(byte) || ASCII.isLetter(byte) || byte == UInt8(ascii: "!")
            || byte == UInt8(ascii: "*") || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-")
            || byte == UInt8(ascii: "/")
    }
}
