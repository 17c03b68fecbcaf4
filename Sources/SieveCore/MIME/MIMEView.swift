import MIMECore
import MailCore

/// A message with its MIME parts found, as it was at one moment of a run.
final class MIMEView {
    /// The whole message.
    let octets: Octets
    let table: PartTable
    let converter: CharsetConverter
    /// Keeps the octets alive.
    private let message: SieveMessage
    private let storage: SieveOctetStorage?

    /// Parts of one message that are looked at, and levels of them.
    private static let limits = PartTable.Limits(maximumDepth: 32, maximumParts: 1000)

    init(_ message: SieveMessage) {
        self.message = message
        self.converter = message.converter
        if let whole = message.contiguous {
            self.octets = whole
            self.storage = nil
        } else {
            let storage = SieveOctetStorage(Array(message.header.buffer) + Array(message.body.buffer))
            self.octets = storage.octets
            self.storage = storage
        }
        self.table = PartTable(self.octets.buffer, limits: Self.limits)
    }

    /// A part's header fields.
    func fields(of part: Int) -> ContentFields { ContentFields(self.octets[self.table.parts[part].header]) }

    /// `text`, `plain`, in lower case; what has no type is text/plain (RFC 2045 section 5.2).
    func type(of part: Int) -> (type: [UInt8], subtype: [UInt8]) {
        guard let value = self.fields(of: part).type.flatMap(MIMEValue.contentType), let subtype = value.subtype
        else { return (Array("text".utf8), Array("plain".utf8)) }
        return (value.value.map(ASCII.lowercased), subtype.map(ASCII.lowercased))
    }

    /// The content of a part: transfer encoding undone, text as UTF-8.
    func content(of index: Int) -> [UInt8] {
        let part = self.table.parts[index]
        var decoder = TransferDecoder(part.encoding)
        var decoded: [UInt8] = []
        decoder.decode(self.octets[part.body], into: &decoded)
        decoder.finish(into: &decoded)
        let value = self.fields(of: index).type.flatMap(MIMEValue.contentType)
        let isText = value.map { ASCII.equalsIgnoringCase($0.value, "text".utf8) } ?? true
        guard isText else { return decoded }
        return self.converter.utf8(decoded, charset: value?.parameter("charset")?.value ?? [])
    }

    /// The indices of the parts below a part, in the order of the message.
    func descendants(of index: Int) -> [Int] {
        var end = index + 1
        let depth = self.table.parts[index].depth
        while end < self.table.parts.count, self.table.parts[end].depth > depth { end += 1 }
        return Array(index + 1..<end)
    }
}

extension SieveRun {
    /// The MIME parts of the message as it is now.
    mutating func mimeView() throws(SieveRuntimeError) -> MIMEView {
        if let known = self.cachedView { return known }
        try self.spend(self.message.header.count + self.message.body.count)
        let view = MIMEView(self.message)
        self.cachedView = view
        return view
    }
}
