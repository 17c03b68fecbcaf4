import MailCore

/// One resource of SETQUOTA with its new limit (RFC 9208 section 4.1.3).
public struct QuotaSetting: Hashable, Sendable {
    /// In capitals, such as `STORAGE`.
    public var resource: [UInt8]
    /// In the resource's unit; 63 bits.
    public var limit: UInt64

    public init(resource: [UInt8], limit: UInt64) {
        self.resource = resource
        self.limit = limit
    }
}

extension Cursor {
    /// GETQUOTA and the name of a quota root.
    mutating func getQuota() throws(SyntaxError) -> Command {
        try self.space()
        return .getQuota(root: try self.astring("the name of a quota root"))
    }

    /// setquota-list: `(STORAGE 512 MESSAGE 1000)`, maybe empty; a resource named twice is a mistake.
    mutating func setQuota() throws(SyntaxError) -> Command {
        try self.space()
        let root = try self.astring("the name of a quota root")
        try self.space()
        try self.open()
        var settings: [QuotaSetting] = []
        if self.take(UInt8(ascii: ")")) { return .setQuota(root: root, settings) }
        repeat {
            let start = self.position
            let resource = try self.atom("a resource such as STORAGE").map(ASCII.uppercased)
            guard !settings.contains(where: { $0.resource == resource }), settings.count < 32 else {
                throw SyntaxError(offset: start, expected: "each resource once")
            }
            try self.space()
            let limit = try self.number64("a limit")
            guard limit <= UInt64(Int64.max) else { throw SyntaxError(offset: start, expected: "a limit of 63 bits") }
            settings.append(QuotaSetting(resource: resource, limit: limit))
        } while self.take(0x20)
        try self.close()
        return .setQuota(root: root, settings)
    }
}
