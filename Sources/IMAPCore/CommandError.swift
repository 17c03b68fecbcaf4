import MailCore

/// Why a command could not be read, in words that its sender can act on.
public struct CommandError: Error, Hashable, Sendable {
    /// What is wrong, as far as the answer depends on it.
    public enum Code: Hashable, Sendable {
        /// The grammar wants something else.
        case syntax
        /// No such command.
        case unknownCommand
        /// A limit on nesting, list length, set ranges, search keys or keywords that the grammar does not have: the
        /// answer is NO [LIMIT], while the next command can be found.
        case tooComplex
        /// A date and time in the right form that no calendar has: an error of APPEND that is answered with NO
        /// (RFC 9051 section 6.3.12).
        case invalidDate
        /// More octets outside literals than `CommandLimits.lineLength`.
        case lineTooLong
        /// A literal, or all literals together, over `CommandLimits.literalSize`.
        case literalTooBig
        /// A non-synchronizing literal over `CommandLimits.nonSynchronizingSize`.
        case literalNotAnnounced
        /// The same of a value of SETMETADATA; no value may have more octets.
        case metadataTooBig(maximum: Int)
    }

    /// Whether the octets after the failed command can still be understood.
    public enum Recovery: Hashable, Sendable {
        /// The parser stands before the next command.
        case nextCommand
        /// The session has to end.
        case close
    }

    public var code: Code
    /// The command's tag; `nil` when it had none that could be repeated, so the answer is untagged.
    public var tag: Tag?
    /// Octets from the command's start to the place of the error, literals included.
    public var offset: Int
    /// What was expected there.
    public var expected: StaticStringText
    public var recovery: Recovery

    public init(
        code: Code, tag: Tag?, offset: Int, expected: StaticString, recovery: Recovery = .nextCommand
    ) {
        self.code = code
        self.tag = tag
        self.offset = offset
        self.expected = StaticStringText(expected)
        self.recovery = recovery
    }

    /// The text for the client, without code or line end: `Expected a mailbox name at octet 12`.
    public func appendText(to out: inout [UInt8]) {
        switch self.code {
        case .syntax, .unknownCommand:
            out.append("Expected ")
            out.append(self.expected.text)
            out.append(" at octet ")
            out.appendDecimal(UInt64(self.offset))
        case .tooComplex, .invalidDate, .lineTooLong, .literalTooBig, .literalNotAnnounced, .metadataTooBig:
            out.append(self.expected.text)
        }
    }
}

/// A `StaticString` that can be compared.
public struct StaticStringText: Hashable, Sendable, CustomStringConvertible {
    public let text: StaticString

    public init(_ text: StaticString) { self.text = text }

    public var description: String { self.text.description }

    public static func == (a: StaticStringText, b: StaticStringText) -> Bool {
        a.description == b.description
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(self.description) }
}
