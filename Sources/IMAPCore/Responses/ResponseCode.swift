public import MailCore

/// A response code: what a program reads of a status response (RFC 9051 section 7.1, RFC 5530).
public enum ResponseCode: Hashable, Sendable {
    case alert
    case alreadyExists
    /// `APPENDUID`: the mailbox's UIDVALIDITY and the new UIDs (RFC 4315).
    case appendUID(UIDValidity, UIDSet)
    case authenticationFailed
    case authorizationFailed
    /// The names of charsets that are known, separated by spaces.
    case badCharset([UInt8])
    /// NOTIFY names an event that is not among these (RFC 5465 section 3.1).
    case badEvent(supported: NotifyRequest.Events)
    /// A URL that leads to nothing (RFC 4469 section 4.1).
    case badURL([UInt8])
    case cannot
    /// Capability names, separated by spaces.
    case capability([UInt8])
    case clientBug
    case closed
    /// COMPRESS is in force already (RFC 4978 section 3).
    case compressionActive
    case contactAdmin
    /// `COPYUID`: the target's UIDVALIDITY; sources and targets pair up in ascending order (RFC 4315).
    case copyUID(UIDValidity, from: UIDSet, to: UIDSet)
    case corruption
    case expired
    case expungeIssued
    /// A name that only its children keep cannot be deleted (RFC 9051 section 7.1).
    case hasChildren
    case highestModSeq(ModSeq)
    /// The command with that tag still runs (RFC 9585): how much is done, and of how much; the latter counts only when
    /// it is more than what is done.
    case inProgress(Tag, done: UInt32?, total: UInt32?)
    case inUse
    case limit
    /// The mailbox's identifier (RFC 8474 section 4).
    case mailboxID([UInt8])
    /// The size of the longest value that MAXSIZE of GETMETADATA kept back (RFC 5464 section 4.2.1).
    case metadataLongEntries(Int)
    /// No value may have more octets (RFC 5464 section 4.3).
    case metadataMaximum(Int)
    case metadataTooMany
    /// The mailbox has no entries that are one user's alone (RFC 5464 section 4.3).
    case metadataNoPrivate
    /// More messages than one command may be about; the lowest UID that it was about (RFC 9738 section 3.1).
    case messageLimit(UInt32, UID?)
    /// Ascending message numbers that STORE left alone (RFC 7162 section 3.1.3).
    case modified([ClosedRange<UInt32>])
    case noModSeq
    case noPermission
    /// The result of the search with that tag will not be kept up to date (RFC 5267 section 4.3.1).
    case noUpdate(Tag)
    case nonExistent
    /// Notifications have ended (RFC 5465 section 5.8).
    case notificationOverflow
    case overQuota
    case parse
    /// `canCreate`: clients may invent keywords.
    case permanentFlags(MessageFlags, [Keyword], canCreate: Bool)
    case privacyRequired
    case readOnly
    case readWrite
    case serverBug
    case tooBig
    /// Batches of so few messages are not told (RFC 10022).
    case tooFew
    case tryCreate
    case uidNext(UID)
    case uidNotSticky
    /// After ENABLE UIDONLY a command has no sequence numbers (RFC 9586).
    case uidRequired
    case uidValidity(UIDValidity)
    case unavailable
    /// There is no filter of that name, or it is of no use (RFC 5466 section 3.1).
    case undefinedFilter([UInt8])
    /// A transfer encoding that the server cannot decode (RFC 3516 section 4.3).
    case unknownEncoding
    case unseen(SequenceNumber)
    /// URLs can be signed (RFC 4467 section 8), with the one mechanism there is.
    case urlMechanisms
    /// The special use cannot be given (RFC 6154 section 6).
    case useAttribute

    /// Appends the code between its brackets.
    func encode(into out: inout [UInt8]) {
        switch self {
        case .alert: out.append("ALERT")
        case .alreadyExists: out.append("ALREADYEXISTS")
        case .appendUID(let validity, let uids):
            out.append("APPENDUID ")
            out.appendDecimal(UInt64(validity.rawValue))
            out.append(0x20)
            uids.encode(into: &out)
        case .authenticationFailed: out.append("AUTHENTICATIONFAILED")
        case .authorizationFailed: out.append("AUTHORIZATIONFAILED")
        case .badCharset(let names):
            out.append("BADCHARSET (")
            out.append(contentsOf: names)
            out.append(UInt8(ascii: ")"))
        case .badEvent(let supported):
            out.append("BADEVENT (")
            var isFirst = true
            for (event, name) in NotifyRequest.Events.names where supported.contains(event) {
                if !isFirst { out.append(0x20) }
                isFirst = false
                out.append(name)
            }
            out.append(UInt8(ascii: ")"))
        case .badURL(let url):
            out.append("BADURL ")
            // What may not stand in a response code is written as in a URL.
            for byte in url.prefix(1000) {
                if byte > 0x20, byte < 0x7F, byte != UInt8(ascii: "]") {
                    out.append(byte)
                } else {
                    let digits = Array("0123456789ABCDEF".utf8)
                    out.append(contentsOf: [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]])
                }
            }
        case .cannot: out.append("CANNOT")
        case .capability(let names):
            out.append("CAPABILITY ")
            out.append(contentsOf: names)
        case .clientBug: out.append("CLIENTBUG")
        case .closed: out.append("CLOSED")
        case .compressionActive: out.append("COMPRESSIONACTIVE")
        case .contactAdmin: out.append("CONTACTADMIN")
        case .copyUID(let validity, let from, let to):
            out.append("COPYUID ")
            out.appendDecimal(UInt64(validity.rawValue))
            out.append(0x20)
            from.encode(into: &out)
            out.append(0x20)
            to.encode(into: &out)
        case .corruption: out.append("CORRUPTION")
        case .expired: out.append("EXPIRED")
        case .expungeIssued: out.append("EXPUNGEISSUED")
        case .hasChildren: out.append("HASCHILDREN")
        case .highestModSeq(let modSeq):
            out.append("HIGHESTMODSEQ ")
            out.appendDecimal(modSeq.rawValue)
        case .inProgress(let tag, let done, let total):
            out.append("INPROGRESS (")
            out.appendIMAPString(tag.bytes)
            out.append(0x20)
            Self.appendProgress(done, total, to: &out)
            out.append(UInt8(ascii: ")"))
        case .inUse: out.append("INUSE")
        case .limit: out.append("LIMIT")
        case .mailboxID(let id):
            out.append("MAILBOXID (")
            out.append(contentsOf: id)
            out.append(UInt8(ascii: ")"))
        case .metadataLongEntries(let size):
            out.append("METADATA LONGENTRIES ")
            out.appendDecimal(UInt64(max(0, size)))
        case .metadataMaximum(let size):
            out.append("METADATA MAXSIZE ")
            out.appendDecimal(UInt64(max(0, size)))
        case .metadataTooMany: out.append("METADATA TOOMANY")
        case .metadataNoPrivate: out.append("METADATA NOPRIVATE")
        case .messageLimit(let limit, let uid):
            out.append("MESSAGELIMIT ")
            out.appendDecimal(UInt64(limit))
            if let uid {
                out.append(0x20)
                out.appendDecimal(UInt64(uid.rawValue))
            }
        case .modified(let ranges):
            out.append("MODIFIED ")
            out.appendRanges(ranges)
        case .noModSeq: out.append("NOMODSEQ")
        case .noUpdate(let tag):
            out.append("NOUPDATE ")
            out.appendIMAPString(tag.bytes)
        case .noPermission: out.append("NOPERM")
        case .nonExistent: out.append("NONEXISTENT")
        case .notificationOverflow: out.append("NOTIFICATIONOVERFLOW")
        case .overQuota: out.append("OVERQUOTA")
        case .parse: out.append("PARSE")
        case .permanentFlags(let flags, let keywords, let canCreate):
            out.append("PERMANENTFLAGS ")
            out.appendFlagList(flags, keywords: keywords)
            if canCreate {
                out.removeLast()
                if out.last != UInt8(ascii: "(") { out.append(0x20) }
                out.append("\\*)")
            }
        case .privacyRequired: out.append("PRIVACYREQUIRED")
        case .readOnly: out.append("READ-ONLY")
        case .readWrite: out.append("READ-WRITE")
        case .serverBug: out.append("SERVERBUG")
        case .tooBig: out.append("TOOBIG")
        case .tooFew: out.append("TOOFEW")
        case .tryCreate: out.append("TRYCREATE")
        case .uidNext(let uid):
            out.append("UIDNEXT ")
            out.appendDecimal(UInt64(uid.rawValue))
        case .uidNotSticky: out.append("UIDNOTSTICKY")
        case .uidRequired: out.append("UIDREQUIRED")
        case .uidValidity(let validity):
            out.append("UIDVALIDITY ")
            out.appendDecimal(UInt64(validity.rawValue))
        case .undefinedFilter(let name):
            out.append("UNDEFINED-FILTER ")
            out.append(contentsOf: name)
        case .unavailable: out.append("UNAVAILABLE")
        case .unknownEncoding: out.append("UNKNOWN-CTE")
        case .unseen(let number):
            out.append("UNSEEN ")
            out.appendDecimal(UInt64(number.rawValue))
        case .urlMechanisms: out.append("URLMECH INTERNAL")
        case .useAttribute: out.append("USEATTR")
        }
    }

    /// `NIL NIL`, `number NIL` or `number nz-number`: no total without a count, none that has been reached.
    private static func appendProgress(_ done: UInt32?, _ total: UInt32?, to out: inout [UInt8]) {
        guard let done else { return out.append("NIL NIL") }
        out.appendDecimal(UInt64(done))
        guard let total, total > done else { return out.append(" NIL") }
        out.append(0x20)
        out.appendDecimal(UInt64(total))
    }
}
