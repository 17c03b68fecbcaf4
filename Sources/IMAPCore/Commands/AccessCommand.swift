import MailCore

/// The commands about access control lists (RFC 4314 section 3).
public enum AccessCommand: Hashable, Sendable {
    case getACL(WireMailboxName)
    case setACL(WireMailboxName, identifier: [UInt8], RightsChange)
    case deleteACL(WireMailboxName, identifier: [UInt8])
    case listRights(WireMailboxName, identifier: [UInt8])
    case myRights(WireMailboxName)

    /// The third argument of SETACL: `lr`, `+lr` or `-lr`.
    public struct RightsChange: Hashable, Sendable {
        public enum Mode: Hashable, Sendable { case replace, add, remove }

        public var mode: Mode
        /// Letters, not yet looked at.
        public var letters: [UInt8]

        public init(_ mode: Mode, _ letters: [UInt8]) {
            self.mode = mode
            self.letters = letters
        }
    }

    public var name: StaticString {
        switch self {
        case .getACL: "GETACL"
        case .setACL: "SETACL"
        case .deleteACL: "DELETEACL"
        case .listRights: "LISTRIGHTS"
        case .myRights: "MYRIGHTS"
        }
    }
}

extension Cursor {
    mutating func setACL() throws(SyntaxError) -> Command {
        let mailbox = try self.mailboxArgument()
        let identifier = try self.accessIdentifier()
        try self.space()
        var letters = try self.astring("rights such as lrs")
        var mode = AccessCommand.RightsChange.Mode.replace
        switch letters.first {
        case UInt8(ascii: "+"): mode = .add
        case UInt8(ascii: "-"): mode = .remove
        default: break
        }
        if mode != .replace { letters.removeFirst() }
        return .access(.setACL(mailbox, identifier: identifier, .init(mode, letters)))
    }

    mutating func deleteACL() throws(SyntaxError) -> Command {
        let mailbox = try self.mailboxArgument()
        return .access(.deleteACL(mailbox, identifier: try self.accessIdentifier()))
    }

    mutating func listRights() throws(SyntaxError) -> Command {
        let mailbox = try self.mailboxArgument()
        return .access(.listRights(mailbox, identifier: try self.accessIdentifier()))
    }

    private mutating func accessIdentifier() throws(SyntaxError) -> [UInt8] {
        try self.space()
        return try self.astring("a user or another identifier")
    }
}
