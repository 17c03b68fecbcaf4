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

    /// Whether a field of that name (in any case) has the needle in its unfolded, decoded body. The empty
    /// needle asks whether there is such a field.
    public func headerContains(_ name: [UInt8], _ needle: SearchNeedle) -> Bool {
        let header = self.message[self.table.root.header]
        for field in HeaderScanner(header) where header[field.name].equalsIgnoringCase(name) {
            if Self.fieldContains(header[field.body], needle, converter: self.converter) { return true }
        }
        return false
    }

    /// The same for one field's body, such as a cache keeps.
    public static func fieldContains(
        _ body: Octets, _ needle: SearchNeedle, converter: CharsetConverter = .builtIn
    ) -> Bool {
        if needle.mapped.isEmpty { return true }
        let bounded = body[0..<Self.maximumField]
        return needle.isFound(in: EncodedWord.decode(bounded, converter: converter))
    }

    /// BODY: whether the needle is in the text of a part, or in the header of a part or of a message inside. Of HTML,
    /// both its source and what it shows count. Bodies that are not text are not searched.
    public func bodyContains(_ needle: SearchNeedle) -> Bool {
        if needle.mapped.isEmpty { return true }
        for (index, part) in self.table.parts.enumerated() {
            if index > 0, self.headerContains(part, needle) { return true }
            if part.kind == .text, self.contains(part, needle) { return true }
        }
        return false
    }

    /// TEXT: the message's header, names included, or its body.
    public func textContains(_ needle: SearchNeedle) -> Bool {
        if needle.mapped.isEmpty { return true }
        return self.headerContains(self.table.root, needle) || self.bodyContains(needle)
    }

    /// Whether the needle is in a line `Name: decoded body` of a part's header.
    private func headerContains(_ part: Part, _ needle: SearchNeedle) -> Bool {
        let header = self.message[part.header]
        for field in HeaderScanner(header) {
            var line: [UInt8] = []
            if !field.name.isEmpty {
                line.append(contentsOf: header[field.name].buffer)
                line.append(": ")
            }
            line.append(
                contentsOf: EncodedWord.decode(
                    header[field.body][0..<Self.maximumField], converter: self.converter))
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
