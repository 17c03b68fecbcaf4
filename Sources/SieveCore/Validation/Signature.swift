/// What type a literal argument must have.
enum ArgumentType: Sendable, Hashable {
    case string, stringList, number

    /// With its article, for messages.
    var description: String {
        switch self {
        case .string: "a string"
        case .stringList: "a string or a list of strings"
        case .number: "a number"
        }
    }

    func accepts(_ node: ArgumentNode) -> Bool {
        switch (self, node.kind) {
        case (.string, .string), (.stringList, .string), (.stringList, .stringList), (.number, .number): true
        default: false
        }
    }
}

/// Tags of which a command takes one at most.
struct TagGroup: Hashable, Sendable {
    let name: String

    /// `:is`, `:contains`, ...: all that the registry knows.
    static let matchType = TagGroup(name: "match type")
    /// `:comparator`.
    static let comparator = TagGroup(name: "comparator")
    /// `:all`, `:localpart`, ...: all that the registry knows.
    static let addressPart = TagGroup(name: "address part")
}

/// A tag that a command or test takes.
struct TagDefinition: Sendable {
    /// In lower case, without the colon.
    var name: String
    var group: TagGroup
    /// The type of the one argument behind it; `nil`: it takes none.
    var argument: ArgumentType?
    /// What must be required before it may be used.
    var capability: String?

    init(_ name: String, group: TagGroup? = nil, argument: ArgumentType? = nil, capability: String? = nil) {
        self.name = name
        self.group = group ?? TagGroup(name: name)
        self.argument = argument
        self.capability = capability
    }
}

/// A positional argument.
struct PositionalArgument: Sendable {
    /// For messages: `the mailbox`.
    var name: String
    var type: ArgumentType
    /// May be left out. One of a signature at most.
    var isOptional: Bool

    init(_ name: String, _ type: ArgumentType, isOptional: Bool = false) {
        self.name = name
        self.type = type
        self.isOptional = isOptional
    }
}

/// What a command or test takes.
struct Signature: Sendable {
    var tags: [TagDefinition] = []
    /// Groups whose tags are taken from the registry: match types, address parts, comparators.
    var shared: Set<TagGroup> = []
    /// Groups of which one tag must be there.
    var required: [TagGroup] = []
    var positional: [PositionalArgument] = []
    /// Whether tags may also follow positional arguments, which RFC 5228 forbids.
    var takesTagsAnywhere = false
    var tests = TestArguments.Form.none
    var hasBlock = false
}
