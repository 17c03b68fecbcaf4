/// How much one command may ask of the parser. Each limit is checked before memory is taken for it.
public struct CommandLimits: Hashable, Sendable {
    /// Octets of a command outside its literals, line ends included.
    public var lineLength = 65_536
    /// Octets of all literals of a command together, APPEND's messages not counted: these are held in memory.
    public var literalSize = 65_536
    /// Octets of a literal that the client need not wait with: 4096 where LITERAL- is advertised and not LITERAL+.
    public var nonSynchronizingSize = UInt64.max
    /// Octets of a value of SETMETADATA: what a client is told whose literal is over `literalSize`.
    public var metadataValue = 32_768
    /// Literals in one command.
    public var literalCount = 500
    /// Octets of refused non-synchronizing literals that are read off so that the session can go on; a
    /// client that announces more is disconnected.
    public var discardedLiteralSize: UInt64 = 64 * 1024 * 1024
    /// Octets of a tag.
    public var tagLength = 255
    /// Parentheses, NOT and OR inside each other.
    public var nesting = 128
    /// Elements of a list of flags, header fields and the like.
    public var listLength = 4096
    /// Patterns of one LIST: each is held against each name.
    public var patternCount = 256
    /// Ranges in one sequence set.
    public var setRanges = 65_536
    /// Search keys in one SEARCH, operators and parentheses included.
    public var searchKeys = 2000

    public init() {}

    /// For clients that have not logged in: they have nothing long to say.
    public static let beforeLogin: CommandLimits = {
        var limits = CommandLimits()
        limits.lineLength = 16_384
        limits.literalSize = 4096
        limits.literalCount = 4
        limits.discardedLiteralSize = 16_384
        limits.nesting = 8
        limits.listLength = 64
        return limits
    }()
}
