public import MailCore

/// What FILTER has to say of a script or of one message.
public enum FilterReport: Hashable, Sendable {
    case ok
    /// It was done, but a person should read this.
    case warnings(String)
    /// It was not done, for this reason.
    case errors(String)
}

extension ResponseEncoder {
    /// `* 16 FILTERED (TAG "A001") UID 3321 OK`
    ///
    /// - Parameters:
    ///   - number: `nil` for a client that takes no sequence numbers; then the UID stands in its place.
    ///   - uid: told in answers to UID FILTER.
    public mutating func filtered(_ tag: Tag, _ number: SequenceNumber?, _ uid: UID?, _ report: FilterReport) {
        self.bytes.append("* ")
        self.bytes.appendDecimal(UInt64(number?.rawValue ?? uid?.rawValue ?? 0))
        self.bytes.append(" FILTERED (TAG ")
        self.bytes.appendIMAPString(tag.bytes)
        self.bytes.append(")")
        if let uid {
            self.bytes.append(" UID ")
            self.bytes.appendDecimal(UInt64(uid.rawValue))
        }
        self.append(report)
    }

    /// `* FILTER (TAG "A003") ERRORS "line 1: ..."`
    public mutating func filter(_ tag: Tag, _ report: FilterReport) {
        self.bytes.append("* FILTER (TAG ")
        self.bytes.appendIMAPString(tag.bytes)
        self.bytes.append(")")
        self.append(report)
    }

    private mutating func append(_ report: FilterReport) {
        switch report {
        case .ok: self.bytes.append(" OK")
        case .warnings(let text):
            self.bytes.append(" WARNINGS ")
            self.bytes.appendIMAPString(text.utf8)
        case .errors(let text):
            self.bytes.append(" ERRORS ")
            self.bytes.appendIMAPString(text.utf8)
        }
        self.endLine()
    }
}
