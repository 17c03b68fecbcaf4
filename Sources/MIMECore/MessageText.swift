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

    private let message: Octets
    private let table: PartTable
    private let converter: CharsetConverter

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
        if needle.isFound(in: self.text(ofField: body, converter: converter)) { return true }
        let bounded = body[0..<Self.maximumField]
        guard self.hasAddresses(name) else { return false }
        var text: [UInt8] = []
        for address in AddressParser(bounded) { self.append(address, to: &text) }
        return text.withUnsafeBytes {
            needle.isFound(in: EncodedWord.decode(Octets($0), converter: converter))
        }
    }

    /// What a field says, in UTF-8, as far as it is looked at: encoded words decoded, runs of white space as one space.
    public static func text(ofField body: Octets, converter: CharsetConverter = .builtIn) -> [UInt8] {
        self.collapsed(EncodedWord.decode(body[0..<Self.maximumField], converter: converter))
    }

    private static func hasAddresses(_ name: [UInt8]) -> Bool {
        name.withUnsafeBytes { bytes in
            let name = Octets(bytes)
            return name.equals(lowercase: "from") || name.equals(lowercase: "to")
                || name.equals(lowercase: "cc") || name.equals(lowercase: "bcc")
                || name.equals(lowercase: "sender") || name.equals(lowercase: "reply-to")
        }
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
        return self.table.parts.contains { self.isText($0) && self.contains($0, needle) }
    }

    /// TEXT: the header, names included, of the message, its parts and messages inside, or the text of a part.
    public func textContains(_ needle: SearchNeedle) -> Bool {
        if needle.mapped.isEmpty { return true }
        return self.table.parts.contains {
            self.headerContains($0, needle) || (self.isText($0) && self.contains($0, needle))
        }
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

    /// Whether the needle is in a line of a part's header, its body decoded.
    private func headerContains(_ part: Part, _ needle: SearchNeedle) -> Bool {
        let header = self.message[part.header]
        for field in HeaderScanner(header) {
            let body = header[field.body]
            var line: [UInt8] = []
            if !field.name.isEmpty {
                line.append(contentsOf: header[field.name].buffer)
                line.append(":")
                if HeaderBody.isSpace(body[0]) { line.append(0x20) }
            }
            line.append(contentsOf: Self.text(ofField: body, converter: self.converter))
            if needle.isFound(in: line) { return true }
        }
        return false
    }

    private func contains(_ part: Part, _ needle: SearchNeedle) -> Bool {
        let text = TextPart(self.message, part)
        var mapped: [UInt8] = []
        var isFound = false
        text.forEachChunk(size: Self.chunkSize, converter: self.converter) { chunk in
            UnicodeCasemap.append(chunk, to: &mapped)
            if needle.isFound(inMapped: mapped) {
                isFound = true
                return false
            }
            // What may be the beginning of a hit goes on into the next chunk.
            mapped.removeFirst(Swift.max(0, mapped.count - needle.mapped.count + 1))
            return true
        }
        return isFound || (text.isHTML && self.isShown(text, needle))
    }

    /// Whether the needle is in what HTML shows.
    private func isShown(_ html: TextPart, _ needle: SearchNeedle) -> Bool {
        var shown: [UInt8] = []
        html.decode(maximumOctets: Self.maximumHTML, converter: self.converter).withUnsafeBytes {
            HTMLText.append(Octets($0), to: &shown)
        }
        var collapsed: [UInt8] = []
        shown.withUnsafeBytes { HeaderBody.appendCollapsed(Octets($0), to: &collapsed) }
        return needle.isFound(in: collapsed)
    }
}
