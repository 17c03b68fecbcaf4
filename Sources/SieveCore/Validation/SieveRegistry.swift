/// A command or a test of the language: what it takes, and how it becomes instructions.
struct SieveDefinition: Sendable {
    /// In lower case.
    var name: String
    /// What must be required before it may be used; `nil`: the base language.
    var capability: String?
    var signature: Signature
    /// Emits the instructions, or notes errors. A test leaves its result in the run's flag.
    var compile: @Sendable (inout ScriptCompiler, SieveArguments) -> Void

    init(
        _ name: String, capability: String? = nil, _ signature: Signature,
        compile: @escaping @Sendable (inout ScriptCompiler, SieveArguments) -> Void
    ) {
        self.name = name
        self.capability = capability
        self.signature = signature
        self.compile = compile
    }
}

/// What one capability adds to the language. Each extension is one value of this in one file.
struct SieveExtension: Sendable {
    var capability: String
    /// Whether it is in force without `require`, as the two comparators of the base language are.
    var isImplicit = false
    /// The capability that took its place: a script cannot use both, since they share words.
    var successor: String?
    /// Capabilities that are required with it.
    var implies: [String] = []
    var commands: [SieveDefinition] = []
    var tests: [SieveDefinition] = []
    var comparators: [any SieveComparator] = []
    var matchTypes: [MatchTypeDefinition] = []
    var addressParts: [AddressPartDefinition] = []
    var namespaces: [VariableNamespace] = []
    /// Tags added to commands of others, by their names: `:copy` to fileinto.
    var tags: [(command: String, tag: TagDefinition)] = []
}

/// The language that a server speaks: the base language and extensions.
public struct SieveRegistry: Sendable {
    private(set) var commands: [String: SieveDefinition] = [:]
    private(set) var tests: [String: SieveDefinition] = [:]
    /// What words mean in extensions that have a successor with the same ones.
    private var formerCommands: [String: SieveDefinition] = [:]
    private var formerTests: [String: SieveDefinition] = [:]
    /// Which capability a former one cannot stand beside.
    private(set) var successors: [String: String] = [:]
    private(set) var comparators: [String: any SieveComparator] = [:]
    private(set) var matchTypes: [String: MatchTypeDefinition] = [:]
    private(set) var addressParts: [String: AddressPartDefinition] = [:]
    private(set) var namespaces: [String: VariableNamespace] = [:]
    /// Those that `require` knows.
    private var known: Set<String> = []
    private(set) var implicit: Set<String> = []
    /// What is required with a capability.
    private(set) var implied: [String: [String]] = [:]

    /// The base language with every extension there is.
    public static let all = SieveRegistry(SieveExtension.everything)

    init(_ extensions: [SieveExtension]) {
        for definition in SieveDefinition.baseCommands { self.commands[definition.name] = definition }
        for definition in SieveDefinition.baseTests { self.tests[definition.name] = definition }
        for matchType in MatchTypeDefinition.base { self.matchTypes[matchType.name] = matchType }
        for part in AddressPartDefinition.base { self.addressParts[part.name] = part }
        for added in extensions {
            self.known.insert(added.capability)
            if !added.implies.isEmpty { self.implied[added.capability] = added.implies }
            if added.isImplicit { self.implicit.insert(added.capability) }
            if let successor = added.successor {
                self.successors[added.capability] = successor
                for definition in added.commands { self.formerCommands[definition.name] = definition }
                for definition in added.tests { self.formerTests[definition.name] = definition }
                continue
            }
            for definition in added.commands { self.commands[definition.name] = definition }
            for definition in added.tests { self.tests[definition.name] = definition }
            for comparator in added.comparators { self.comparators[comparator.name] = comparator }
            for matchType in added.matchTypes { self.matchTypes[matchType.name] = matchType }
            for part in added.addressParts { self.addressParts[part.name] = part }
            for space in added.namespaces { self.namespaces[space.name] = space }
        }
        for added in extensions {
            for (name, tag) in added.tags {
                self.commands[name]?.signature.tags.append(tag)
                self.tests[name]?.signature.tags.append(tag)
            }
        }
    }

    /// The capability strings, sorted: what ManageSieve announces.
    public var capabilities: [String] { self.known.sorted() }

    /// What a word means as a command in a script that has `required` those capabilities; one of an extension that is not
    /// among them only where nothing else has that name.
    func command(_ name: String, _ required: Set<String> = []) -> SieveDefinition? {
        Self.chosen(self.commands[name], self.formerCommands[name], required)
    }

    /// As `command`, as a test.
    func test(_ name: String, _ required: Set<String> = []) -> SieveDefinition? {
        Self.chosen(self.tests[name], self.formerTests[name], required)
    }

    private static func chosen(
        _ definition: SieveDefinition?, _ former: SieveDefinition?, _ required: Set<String>
    ) -> SieveDefinition? {
        guard let former else { return definition }
        return former.capability.map(required.contains) ?? false ? former : definition ?? former
    }

    func knows(_ capability: String) -> Bool { self.known.contains(capability) }

    /// The tag as a command of that signature may use it; `nil` when it knows no such tag.
    func tag(_ name: String, of signature: Signature) -> TagDefinition? {
        if let own = signature.tags.first(where: { $0.name == name }) { return own }
        if signature.shared.contains(.matchType), let type = self.matchTypes[name] {
            return TagDefinition(
                name, group: .matchType, argument: type.argument, capability: type.capability)
        }
        if signature.shared.contains(.addressPart), let part = self.addressParts[name] {
            return TagDefinition(name, group: .addressPart, capability: part.capability)
        }
        if signature.shared.contains(.comparator), name == "comparator" {
            return TagDefinition(name, group: .comparator, argument: .string)
        }
        return nil
    }
}
