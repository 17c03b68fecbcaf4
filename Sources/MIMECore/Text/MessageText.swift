import MailCore

/// Substring search in a message's decoded text (RFC 9051 section 6.4.4: HEADER, BODY, TEXT and the address
/// keys). Texts compare by i;unicode-casemap; encoded words, transfer encodings and charsets are decoded.
public struct MessageText {
    /// The most octets of one header field that are looked at.
    public static let maximumField = 256 * 1024
    /// Octets decoded at a time.
    private static let chunkSize = 64 * 1024
    /// The most octets of an HTML part whose text without its tags is looked at.
    private static let maximumHTML = 4 << 20

    let message: Octets
    let table: PartTable
    let converter: CharsetConverter

    /// - Parameter table: the message's own part table, parsed or from its cache.
    public init(
        _ message: UnsafeRawBufferPointer, _ table: PartTable, converter: CharsetConverter = .builtIn
    ) {
        self.message = Octets(message)
        self.table = table
        self.converter = converter
    }

    /// Whether a field of that name (in any case) has the needle in its decoded body, where each run of white space
    /// and line ends counts as one space. Fields with addresses are also searched in the form in which ENVELOPE
    /// has them, `name <local@domain>`. The empty needle asks whether there is such a field.
    public func headerContains(_ name: [UInt8], _ needle: SearchNeedle) -> Bool {
        let header = self.message[self.table.root.header]
        for field in HeaderScanner(header) where header[field.name].equalsIgnoringCase(name) {
            if Self.field(name, header[field.body], contains: needle, converter: self.converter) {
                return true
            }
        }
        return false
    }

    /// The same for one field's body, such as a cache keeps.
    public static func field(
        _ name: [UInt8], _ body: Octets, contains needle: SearchNeedle,
        converter: CharsetConverter = .builtIn
    ) -> Bool {
        if needle.mapped.isEmpty { return true }
        var mapped: [UInt8] = []
        MappedField.append(body, converter: converter, to: &mapped)
        if needle.isFound(inMapped: mapped) { return true }
        guard name.withUnsafeBytes({ self.hasAddresses(Octets($0)) }) else { return false }
        return needle.isFound(inMapped: self.mappedAddresses(body, converter: converter))
    }

    /// The addresses of a field in the form in which ENVELOPE has them, mapped.
    static func mappedAddresses(_ body: Octets, converter: CharsetConverter) -> [UInt8] {
        var text: [UInt8] = []
        for address in AddressParser(body[0..<Self.maximumField]) { self.append(address, to: &text) }
        var mapped: [UInt8] = []
        text.withUnsafeBytes {
            UnicodeCasemap.append(EncodedWord.decode(Octets($0), converter: converter), to: &mapped)
        }
        return mapped
    }

    /// What a field says, in UTF-8, as far as it is looked at: encoded words decoded, runs of white space as one space.
    public static func text(ofField body: Octets, converter: CharsetConverter = .builtIn) -> [UInt8] {
        var plain: [UInt8] = []
        if MappedField.appendPlain(body[0..<Self.maximumField], .asTheyAre, to: &plain) { return plain }
        return self.collapsed(EncodedWord.decode(body[0..<Self.maximumField], converter: converter))
    }

    static func hasAddresses(_ name: Octets) -> Bool {
        name.equals(lowercase: "from") || name.equals(lowercase: "to")
            || name.equals(lowercase: "cc") || name.equals(lowercase: "bcc")
            || name.equals(lowercase: "sender") || name.equals(lowercase: "reply-to")
    }

    private static func append(_ address: Address, to text: inout [UInt8]) {
        switch address {
        case .mailbox(let name, let route, let mailbox, let host):
            if let name {
                text.append(contentsOf: name)
                text.append(0x20)
            }
            text.append("<")
            if let route {
                text.append(contentsOf: route)
                text.append(":")
            }
            text.append(contentsOf: mailbox ?? [])
            text.append("@")
            text.append(contentsOf: host ?? [])
            text.append(">, ")
        case .groupStart(let name):
            text.append(contentsOf: name)
            text.append(": ")
        case .groupEnd: text.append("; ")
        }
    }

    private static func collapsed(_ text: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        text.withUnsafeBytes { HeaderBody.appendCollapsed(Octets($0), to: &out) }
        return out
    }

    /// BODY: whether the needle is in the text of a part. Header fields are not searched, neither those of the parts
    /// nor those of messages inside (RFC 9051 section 6.4.4), nor are bodies that are not text. Of HTML, both its
    /// source and what it shows count.
    public func bodyContains(_ needle: SearchNeedle) -> Bool {
        if needle.mapped.isEmpty { return true }
        return self.table.parts.contains { self.bodyContains(needle, in: $0) }
    }

    /// TEXT: the header, names included, of the message, its parts and messages inside, or the text of a part.
    public func textContains(_ needle: SearchNeedle) -> Bool {
        if needle.mapped.isEmpty { return true }
        return self.table.parts.contains { part in
            self.forEachHeaderLine(of: part) { needle.isFound(inMapped: $0) } || self.bodyContains(needle, in: part)
        }
    }

    private func bodyContains(_ needle: SearchNeedle, in part: Part) -> Bool {
        self.forEachText(of: part, keeping: needle.mapped.count - 1) { needle.isFound(inMapped: $0) }
    }

    // MARK: The texts, mapped. What is searched and what the index knows of it (`TextSignature`) are these.

    /// Whether `visit` answers `true` for a line of a part's header, name included, its body decoded. Stops there.
    func forEachHeaderLine(of part: Part, _ visit: ([UInt8]) -> Bool) -> Bool {
        let header = self.message[part.header]
        var line: [UInt8] = []
        for field in HeaderScanner(header) {
            let body = header[field.body]
            line.removeAll(keepingCapacity: true)
            if !field.name.isEmpty {
                UnicodeCasemap.append(header[field.name], to: &line)
                line.append(UInt8(ascii: ":"))
                if HeaderBody.isSpace(body[0]) { line.append(0x20) }
            }
            MappedField.append(body, converter: self.converter, to: &line)
            if visit(line) { return true }
        }
        return false
    }

    /// Whether `visit` answers `true` for a piece of a part's text. Stops there. A part that is not text has none.
    ///
    /// - Parameter kept: octets of a piece's end with which the next one of the same text begins.
    func forEachText(of part: Part, keeping kept: Int, _ visit: ([UInt8]) -> Bool) -> Bool {
        guard self.isText(part) else { return false }
        let text = TextPart(self.message, part)
        var mapped: [UInt8] = []
        var isFound = false
        // The whole text where it comes in one piece.
        var whole: [UInt8]?
        text.forEachChunk(size: Self.chunkSize, converter: self.converter) { chunk in
            if text.isHTML, text.octets <= Self.chunkSize { whole = chunk }
            UnicodeCasemap.append(chunk, to: &mapped)
            isFound = visit(mapped)
            // What may be the beginning of a hit goes on into the next chunk.
            mapped.removeFirst(Swift.max(0, mapped.count - Swift.max(0, kept)))
            return !isFound
        }
        return isFound || (text.isHTML && visit(self.shown(text, whole)))
    }

    /// text/*, and message/* such as delivery reports.
    private func isText(_ part: Part) -> Bool {
        switch part.kind {
        case .text: return true
        case .multipart, .message, .opaque: return false
        case .basic:
            let type = ContentFields(self.message[part.header]).type.flatMap(MIMEValue.contentType)
            return type.map { ASCII.equalsIgnoringCase($0.value, "message".utf8) } ?? false
        }
    }

    /// What HTML shows, mapped.
    private func shown(_ html: TextPart, _ decoded: [UInt8]?) -> [UInt8] {
        var shown: [UInt8] = []
        (decoded ?? html.decode(maximumOctets: Self.maximumHTML, converter: self.converter)).withUnsafeBytes {
            HTMLText.append(Octets($0), to: &shown)
        }
        var collapsed: [UInt8] = []
        shown.withUnsafeBytes { HeaderBody.appendCollapsed(Octets($0), to: &collapsed) }
        var mapped: [UInt8] = []
        UnicodeCasemap.append(collapsed, to: &mapped)
        return mapped
    }
}
