import MailCore

extension ResponseEncoder {
    /// `* METADATA INBOX (/shared/comment "x" /private/comment NIL)`: entries with their values. An empty mailbox is
    /// the server. Nothing when there are no entries.
    public mutating func metadata(_ mailbox: WireMailboxName, _ entries: [(name: String, value: [UInt8]?)]) {
        guard !entries.isEmpty else { return }
        self.beginMetadata(mailbox)
        self.bytes.append(UInt8(ascii: "("))
        for (index, entry) in entries.enumerated() {
            if index > 0 { self.bytes.append(0x20) }
            self.bytes.appendAString(entry.name.utf8)
            self.bytes.append(0x20)
            self.bytes.appendMetadataValue(entry.value)
        }
        self.bytes.append(UInt8(ascii: ")"))
        self.endLine()
    }

    /// `* METADATA INBOX /shared/comment`: entries that have changed (RFC 5464 section 4.4.2).
    public mutating func metadataChanged(_ mailbox: WireMailboxName, _ entries: [String]) {
        guard !entries.isEmpty else { return }
        self.beginMetadata(mailbox)
        for (index, entry) in entries.enumerated() {
            if index > 0 { self.bytes.append(0x20) }
            self.bytes.appendAString(entry.utf8)
        }
        self.endLine()
    }

    private mutating func beginMetadata(_ mailbox: WireMailboxName) {
        self.bytes.append("* METADATA ")
        if mailbox.bytes.isEmpty {
            self.bytes.append("\"\"")
        } else {
            self.bytes.appendMailbox(mailbox)
        }
        self.bytes.append(0x20)
    }
}

extension [UInt8] {
    /// NIL, a string, or, for octets that no string may hold, a literal8 (RFC 5464 section 5).
    fileprivate mutating func appendMetadataValue(_ value: [UInt8]?) {
        guard let value, value.contains(0) else { return self.appendNString(value) }
        self.append(UInt8(ascii: "~"))
        self.appendLiteralHeader(UInt64(value.count))
        self.append(contentsOf: value)
    }
}
