import MailCore

extension SieveExtension {
    /// RFC 5229.
    static let variables = SieveExtension(
        capability: "variables",
        commands: [
            SieveDefinition(
                "set", capability: "variables",
                Signature(
                    tags: VariableModifier.tags,
                    positional: [
                        PositionalArgument("the name", .string), PositionalArgument("the value", .string),
                    ])
            ) { compiler, arguments in
                let modifiers = VariableModifier.taken(arguments, &compiler)
                guard let name = arguments.strings(0).first, let value = arguments.strings(1).first,
                    let variable = compiler.assignedVariable(name)
                else { return }
                compiler.emit(
                    SetOperation(variable: variable, value: compiler.text(value), modifiers: modifiers))
            }
        ],
        tests: [
            SieveDefinition(
                "string", capability: "variables",
                Signature(
                    shared: [.matchType, .comparator],
                    positional: [
                        PositionalArgument("the sources", .stringList),
                        PositionalArgument("the keys", .stringList),
                    ])
            ) { compiler, arguments in
                let sources = compiler.texts(arguments.strings(0))
                let keys = compiler.texts(arguments.strings(1))
                guard let matcher = compiler.matcher(arguments) else { return }
                compiler.emit(StringTest(sources: sources, keys: keys, matcher: matcher))
            }
        ])
}

struct SetOperation: SieveOperation {
    let variable: SieveVariable
    let value: SieveText
    let modifiers: [VariableModifier]

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) {
        run.set(self.variable, VariableModifier.apply(self.modifiers, to: try self.value.octets(&run)))
    }
}

/// RFC 5229 section 5.
struct StringTest: SieveTest {
    let sources: [SieveText]
    let keys: [SieveText]
    let matcher: any SieveMatcher

    func evaluate(_ run: inout SieveRun) throws(SieveRuntimeError) -> Bool {
        var values = try self.sources.octets(&run)
        // The empty string counts as none.
        if self.matcher.counts { values.removeAll { $0.isEmpty } }
        return try self.matcher.matches(values, self.keys, &run)
    }
}

/// A modifier of `set` (RFC 5229 section 4.1).
enum VariableModifier: String, Sendable, CaseIterable {
    case lower, upper, lowerfirst, upperfirst, quotewildcard, quoteregex, encodeurl, length

    /// Those of the greatest value are applied first.
    var precedence: Int {
        switch self {
        case .lower, .upper: 40
        case .lowerfirst, .upperfirst: 30
        case .quotewildcard, .quoteregex: 20
        case .encodeurl: 15
        case .length: 10
        }
    }

    private var capability: String? {
        switch self {
        case .quoteregex: "regex"
        case .encodeurl: "enotify"
        case .lower, .upper, .lowerfirst, .upperfirst, .quotewildcard, .length: nil
        }
    }

    /// Modifiers of one precedence exclude each other.
    private var group: TagGroup { TagGroup(name: "variable modifier \(self.precedence)") }

    static let tags = Self.allCases.map {
        TagDefinition($0.rawValue, group: $0.group, capability: $0.capability)
    }

    /// Those among the tags, in the order in which they are applied.
    static func taken(_ arguments: SieveArguments, _ compiler: inout ScriptCompiler) -> [VariableModifier] {
        self.allCases.filter { arguments.tags[$0.group]?.name == $0.rawValue }
            .sorted { $0.precedence > $1.precedence }
    }

    static func apply(_ modifiers: [VariableModifier], to text: [UInt8]) -> [UInt8] {
        var text = text
        for modifier in modifiers { text = modifier.apply(text) }
        return text
    }

    private func apply(_ text: [UInt8]) -> [UInt8] {
        switch self {
        case .lower: return text.map(ASCII.lowercased)
        case .upper: return text.map(ASCII.uppercased)
        case .lowerfirst: return text.prefix(1).map(ASCII.lowercased) + text.dropFirst()
        case .upperfirst: return text.prefix(1).map(ASCII.uppercased) + text.dropFirst()
        case .quotewildcard: return Self.escape(text, #"*?\"#)
        case .quoteregex: return Self.escape(text, #".*+?^$|()[]{}\"#)
        case .length: return Array(String(text.count { $0 & 0xC0 != 0x80 }).utf8)
        case .encodeurl:
            var out: [UInt8] = []
            for byte in text {
                if ASCII.isLetter(byte) || ASCII.isDigit(byte) || "-._~".utf8.contains(byte) {
                    out.append(byte)
                } else {
                    out.append(UInt8(ascii: "%"))
                    out.appendCapitalHex(byte)
                }
            }
            return out
        }
    }

    private static func escape(_ text: [UInt8], _ special: String) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(text.count)
        for byte in text {
            if special.utf8.contains(byte) { out.append(UInt8(ascii: "\\")) }
            out.append(byte)
        }
        return out
    }
}
