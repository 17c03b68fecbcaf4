public import MIMECore
public import MailCore

/// Writes one FETCH response item by item into a buffer.
///
///     S: * 12 FETCH (FLAGS (\Seen) UID 4827)
///
/// `begin`, any items, `end`. Between the items of one response a buffer may be sent away: nothing of what
/// was written is looked at again.
public struct FetchResponse: Sendable {
    private var isFirst = true

    public init(_ number: SequenceNumber, into out: inout [UInt8]) {
        out.append("* ")
        out.appendDecimal(UInt64(number.rawValue))
        out.append(" FETCH (")
    }

    /// `* 4827 UIDFETCH (`, for a client that wants no sequence numbers (RFC 9586).
    public init(uid: UID, into out: inout [UInt8]) {
        out.append("* ")
        out.appendDecimal(UInt64(uid.rawValue))
        out.append(" UIDFETCH (")
    }

    private mutating func separate(_ out: inout [UInt8]) {
        if !self.isFirst { out.append(0x20) }
        self.isFirst = false
    }

    /// `UID 7`.
    public mutating func uid(_ uid: UID, into out: inout [UInt8]) {
        self.separate(&out)
        out.append("UID ")
        out.appendDecimal(UInt64(uid.rawValue))
    }

    /// `FLAGS (\Seen)`.
    public mutating func flags(
        _ flags: MessageFlags, isRecent: Bool, keywords: some Sequence<Keyword>, into out: inout [UInt8]
    ) {
        self.separate(&out)
        out.append("FLAGS ")
        out.appendFlagList(flags, isRecent: isRecent, keywords: keywords)
    }

    /// `MODSEQ (12)`.
    public mutating func modSeq(_ modSeq: ModSeq, into out: inout [UInt8]) {
        self.separate(&out)
        out.append("MODSEQ (")
        out.appendDecimal(modSeq.rawValue)
        out.append(UInt8(ascii: ")"))
    }

    /// `RFC822.SIZE 44827`.
    public mutating func size(_ size: UInt64, into out: inout [UInt8]) {
        self.separate(&out)
        out.append("RFC822.SIZE ")
        out.appendDecimal(size)
    }

    /// `INTERNALDATE "17-Jul-1996 02:44:25 -0700"`.
    public mutating func internalDate(_ date: MessageDate, into out: inout [UInt8]) {
        self.separate(&out)
        out.append("INTERNALDATE ")
        out.appendQuoted(date)
    }

    /// When the message came into the mailbox (RFC 8514 section 4.2).
    public mutating func saveDate(_ date: MessageDate, into out: inout [UInt8]) {
        self.separate(&out)
        out.append("SAVEDATE ")
        out.appendQuoted(date)
    }

    /// `EMAILID (M...)` or `THREADID (T...)`, as the identifier's kind says.
    public mutating func objectID(_ id: ObjectID, into out: inout [UInt8]) {
        self.separate(&out)
        switch id.kind {
        case .email: out.append("EMAILID (")
        case .thread: out.append("THREADID (")
        }
        id.append(to: &out)
        out.append(UInt8(ascii: ")"))
    }

    /// The preview in UTF-8; `nil` when it is not there yet and the client does not want to wait for it.
    public mutating func preview(_ text: (some Collection<UInt8>)?, into out: inout [UInt8]) {
        self.separate(&out)
        out.append("PREVIEW ")
        out.appendNString(text)
    }

    /// An item whose value is already in wire form: ENVELOPE, BODY, BODYSTRUCTURE.
    public mutating func wire(
        _ name: StaticString, _ value: some Collection<UInt8>, into out: inout [UInt8]
    ) {
        self.separate(&out)
        out.append(name)
        out.append(0x20)
        out.append(contentsOf: value)
    }

    /// The name of an item of octets; the caller writes the value: NIL, or a literal's header and octets.
    ///
    /// - Parameter name: `octetsName` of the item.
    public mutating func beginOctets(_ name: [UInt8], into out: inout [UInt8]) {
        assert(!name.isEmpty, "not an item of octets")
        self.separate(&out)
        out.append(contentsOf: name)
    }

    /// The name of a section or of one of the RFC822 items and a space, as `beginOctets` takes it; once for many
    /// messages. Empty for items that have no octets.
    public static func octetsName(_ item: FetchItem) -> [UInt8] {
        var out: [UInt8] = []
        switch item {
        case .rfc822: out.append("RFC822 ")
        case .rfc822Header: out.append("RFC822.HEADER ")
        case .rfc822Text: out.append("RFC822.TEXT ")
        case .section(let section):
            out.append("BODY[")
            section.section.encode(into: &out)
            out.append(UInt8(ascii: "]"))
            Self.append(section.partial, to: &out)
            out.append(0x20)
        case .binary(let binary):
            out.append("BINARY")
            FetchBinary.encode(binary.path, into: &out)
            Self.append(binary.partial, to: &out)
            out.append(0x20)
        case .uid, .flags, .internalDate, .size, .modSeq, .saveDate, .emailID, .threadID, .preview, .envelope,
            .body, .bodyStructure, .binarySize:
            break
        }
        return out
    }

    /// `BINARY.SIZE[1.2] 4711`
    public mutating func binarySize(_ path: [Int], _ size: UInt64, into out: inout [UInt8]) {
        self.separate(&out)
        out.append("BINARY.SIZE")
        FetchBinary.encode(path, into: &out)
        out.append(0x20)
        out.appendDecimal(size)
    }

    private static func append(_ partial: FetchSection.Partial?, to out: inout [UInt8]) {
        guard let partial else { return }
        out.append(UInt8(ascii: "<"))
        out.appendDecimal(partial.first)
        out.append(UInt8(ascii: ">"))
    }

    /// The parenthesis and the end of the line.
    public func end(into out: inout [UInt8]) { out.append(")\r\n") }
}
