import MIMECore

/// A HEADER key that the keys of headers may answer.
struct KeyTest: Sendable {
    private enum Field { case subject, from }

    private let field: Field
    private let needle: SearchNeedle

    /// `nil` for fields of which they say nothing.
    init?(_ name: [UInt8], _ needle: SearchNeedle) {
        let name = name.map { $0 &- 0x41 < 26 ? $0 | 0x20 : $0 }
        if name.elementsEqual("subject".utf8) {
            self.field = .subject
        } else if name.elementsEqual("from".utf8) {
            self.field = .from
        } else {
            return nil
        }
        self.needle = needle
    }

    /// `nil`: not known.
    @inline(__always)
    func matches(_ keys: HeaderKeys.View) -> Bool? {
        switch self.field {
        case .subject: keys.subjectContains(self.needle)
        case .from: keys.senderContains(self.needle)
        }
    }
}
