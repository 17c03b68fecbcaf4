import MailCore

extension ResponseEncoder {
    /// `* ACL Projects alice lrwstipekxacd bob lr`
    public mutating func acl(_ name: WireMailboxName, _ rows: [(identifier: [UInt8], rights: [UInt8])]) {
        self.bytes.append("* ACL ")
        self.bytes.appendMailbox(name)
        for row in rows {
            self.bytes.append(0x20)
            self.bytes.appendAString(row.identifier)
            self.bytes.append(0x20)
            self.bytes.appendAString(row.rights)
        }
        self.endLine()
    }

    /// `* MYRIGHTS Projects lr`
    public mutating func myRights(_ name: WireMailboxName, _ rights: [UInt8]) {
        self.bytes.append("* MYRIGHTS ")
        self.bytes.appendMailbox(name)
        self.bytes.append(0x20)
        self.bytes.appendAString(rights)
        self.endLine()
    }

    /// `* LISTRIGHTS Projects bob "" l r w s`
    ///
    /// - Parameters:
    ///   - required: what the identifier always has.
    ///   - optional: what can be given, each by itself.
    public mutating func listRights(
        _ name: WireMailboxName, _ identifier: [UInt8], required: [UInt8], optional: [UInt8]
    ) {
        self.bytes.append("* LISTRIGHTS ")
        self.bytes.appendMailbox(name)
        self.bytes.append(0x20)
        self.bytes.appendAString(identifier)
        self.bytes.append(0x20)
        self.bytes.appendAString(required)
        for letter in optional {
            self.bytes.append(0x20)
            self.bytes.append(letter)
        }
        self.endLine()
    }
}
