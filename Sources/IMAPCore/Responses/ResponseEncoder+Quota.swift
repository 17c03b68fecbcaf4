import MailCore

extension ResponseEncoder {
    /// Usage and limit of one resource, in its unit.
    public struct QuotaResource: Hashable, Sendable {
        public var usage: UInt64
        public var limit: UInt64

        public init(usage: UInt64, limit: UInt64) {
            self.usage = usage
            self.limit = limit
        }
    }

    /// `* QUOTA "User quota" (STORAGE 10 512 MESSAGE 3 1000)` (RFC 9208 section 4.2.1); resources without a limit
    /// are left out.
    ///
    /// - Parameter storage: in units of 1024 octets.
    public mutating func quota(root: [UInt8], storage: QuotaResource?, messages: QuotaResource?) {
        self.bytes.append("* QUOTA ")
        self.bytes.appendAString(root)
        self.bytes.append(" (")
        if let storage { self.append("STORAGE ", storage) }
        if storage != nil, messages != nil { self.bytes.append(0x20) }
        if let messages { self.append("MESSAGE ", messages) }
        self.bytes.append(UInt8(ascii: ")"))
        self.endLine()
    }

    private mutating func append(_ name: StaticString, _ resource: QuotaResource) {
        self.bytes.append(name)
        self.bytes.appendDecimal(resource.usage)
        self.bytes.append(0x20)
        self.bytes.appendDecimal(resource.limit)
    }

    /// `* QUOTAROOT INBOX "User quota"` (RFC 9208 section 4.2.2).
    public mutating func quotaRoot(_ mailbox: WireMailboxName, roots: [[UInt8]]) {
        self.bytes.append("* QUOTAROOT ")
        self.bytes.appendMailbox(mailbox)
        for root in roots {
            self.bytes.append(0x20)
            self.bytes.appendAString(root)
        }
        self.endLine()
    }
}
