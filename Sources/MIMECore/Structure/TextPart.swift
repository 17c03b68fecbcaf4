import MailCore

/// A text part of a message: its type, and its body decoded to UTF-8 piece by piece.
struct TextPart {
    let body: Octets
    private let encoding: TransferEncoding
    let charset: [UInt8]
    let isPlain: Bool
    let isHTML: Bool
    let isAttachment: Bool

    init(_ message: Octets, _ part: Part) {
        let fields = ContentFields(message[part.header])
        let type = fields.type.flatMap(MIMEValue.contentType)
        let isText = type.map { ASCII.equalsIgnoringCase($0.value, "text".utf8) } ?? true
        let subtype = isText ? type?.subtype : nil
        self.isHTML = subtype.map { ASCII.equalsIgnoringCase($0, "html".utf8) } ?? false
        self.isPlain = subtype.map { ASCII.equalsIgnoringCase($0, "plain".utf8) } ?? true
        self.charset = isText ? type?.parameter("charset")?.value ?? [] : []
        self.isAttachment =
            fields.disposition.flatMap(MIMEValue.disposition).map {
                ASCII.equalsIgnoringCase($0.value, "attachment".utf8)
            } ?? false
        self.encoding = part.encoding
        self.body = message[part.body]
    }

    /// Octets of the body as it stands in the message.
    var octets: Int { self.body.count }

    /// The beginning of the text as UTF-8: about `maximumOctets` octets of it.
    func decode(maximumOctets: Int, converter: CharsetConverter) -> [UInt8] {
        var out: [UInt8] = []
        self.forEachChunk(size: maximumOctets, converter: converter) { chunk in
            out.append(contentsOf: chunk)
            return out.count < maximumOctets
        }
        return out
    }

    /// Calls `body` with the text in UTF-8, chunk by chunk, until it answers `false`. A chunk comes from about `size`
    /// octets, of some charsets from more: of those where an octet means another thing in the middle of a text than at
    /// its beginning, the text is one chunk, of at most `maximumWhole` octets. No character is split between chunks.
    func forEachChunk(size: Int, converter: CharsetConverter, _ body: ([UInt8]) -> Bool) {
        var decoder = TransferDecoder(self.encoding)
        var decoded: [UInt8] = []
        var position = 0
        let cutting = Cutting(self.charset)
        let step = Swift.max(256, size)
        while position < self.body.count {
            let end = Swift.min(self.body.count, position + step)
            decoder.decode(self.body[position..<end], into: &decoded)
            position = end
            if position == self.body.count { decoder.finish(into: &decoded) }
            let cut = position == self.body.count ? decoded.count : cutting.cut(decoded)
            guard cut > 0 else { continue }
            let kept = Array(decoded[cut...])
            decoded.removeLast(decoded.count - cut)
            if !body(converter.utf8(decoded, charset: self.charset)) { return }
            decoded = kept
        }
    }

    /// Where a text may be cut.
    private enum Cutting {
        /// Octets of one meaning, or UTF-8.
        case simple
        /// Characters of several octets, none of them a line end.
        case lines
        case nowhere

        static let maximumLine = 1 << 20
        static let maximumWhole = 8 << 20

        init(_ charset: [UInt8]) {
            let name = charset.map(ASCII.lowercased)
            if name.isEmpty || CharsetConverter.builtIn.knows(name) {
                self = .simple
            } else if ["utf-16", "utf-32", "ucs-", "iso-10646", "unicode", "iso-2022-kr", "iso-2022-cn", "utf-7"]
                .contains(
                    where: { name.starts(with: $0.utf8) })
            {
                self = .nowhere
            } else {
                self = .lines
            }
        }

        func cut(_ text: [UInt8]) -> Int {
            switch self {
            case .simple: return Self.simpleCut(text)
            case .lines:
                if let end = text.lastIndex(of: 0x0A) { return end + 1 }
                return text.count < Self.maximumLine ? 0 : text.count
            case .nowhere: return text.count < Self.maximumWhole ? 0 : text.count & ~3
            }
        }

        /// Behind the last line end in the last quarter, else before an unfinished UTF-8 sequence.
        private static func simpleCut(_ text: [UInt8]) -> Int {
            var i = text.count
            while i > text.count * 3 / 4 {
                if text[i - 1] == 0x0A { return i }
                i -= 1
            }
            i = text.count
            while i > 0, text.count - i < 4, text[i - 1] & 0xC0 == 0x80 { i -= 1 }
            if i > 0, text[i - 1] >= 0xC0 { return i - 1 }
            return text.count
        }
    }
}
