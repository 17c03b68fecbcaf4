import MailCore

extension SieveExtension {
    /// RFC 5232.
    static let imap4flags = SieveExtension(
        capability: "imap4flags",
        commands: [
            flagCommand("setflag", .set), flagCommand("addflag", .add), flagCommand("removeflag", .remove),
        ],
        tests: [
            SieveDefinition(
                "hasflag", capability: "imap4flags",
                Signature(
                    shared: [.matchType, .comparator],
                    positional: [
                        PositionalArgument("the variables", .stringList, isOptional: true),
                        PositionalArgument("the flags", .stringList),
                    ])
            ) { compiler, arguments in
                var variables: [SieveVariable]?
                if arguments.positional.count > 1 {
                    variables = arguments.strings(0).compactMap { compiler.flagVariable($0) }
                }
                let keys = compiler.texts(arguments.strings(arguments.positional.count > 1 ? 1 : 0))
                guard let matcher = compiler.matcher(arguments) else { return }
                compiler.emit(HasFlagTest(variables: variables, keys: keys, matcher: matcher))
            }
        ],
        tags: ["keep", "fileinto"].map {
            ($0, TagDefinition("flags", argument: .stringList, capability: "imap4flags"))
        })

    private static func flagCommand(_ name: String, _ change: FlagOperation.Change) -> SieveDefinition {
        SieveDefinition(
            name, capability: "imap4flags",
            Signature(
                positional: [
                    PositionalArgument("the variable", .string, isOptional: true),
                    PositionalArgument("the flags", .stringList),
                ])
        ) { compiler, arguments in
            var variable: SieveVariable?
            if arguments.positional.count > 1, let literal = arguments.strings(0).first {
                guard let named = compiler.flagVariable(literal) else { return }
                variable = named
            }
            let flags = arguments.strings(arguments.positional.count > 1 ? 1 : 0)
            compiler.warnOfFlags(flags)
            compiler.emit(FlagOperation(change: change, variable: variable, flags: compiler.texts(flags)))
        }
    }
}

extension ScriptCompiler {
    /// The variable that a flag command names (RFC 5232 section 2: only with `variables`).
    fileprivate mutating func flagVariable(_ literal: StringLiteral) -> SieveVariable? {
        guard self.has("variables") else {
            self.error(
                literal.position, "a variable for flags needs `require \"variables\";` at the beginning of the script")
            return nil
        }
        return self.assignedVariable(literal)
    }

    mutating func warnOfFlags(_ literals: [StringLiteral]) {
        for literal in literals where !literal.octets.contains(UInt8(ascii: "$")) {
            for flag in FlagWords.split(literal.octets) where !FlagWords.isValid(flag) {
                self.diagnostics.warning(
                    literal.position, "\(quoted(flag)) is no flag that IMAP knows; it is passed over")
            }
        }
    }
}

/// Lists of flags: words separated by spaces.
enum FlagWords {
    private static let system: Set<String> = ["\\answered", "\\flagged", "\\deleted", "\\seen", "\\draft"]
    /// More are passed over.
    static let maximum = 256

    static func split(_ text: [UInt8]) -> [ArraySlice<UInt8>] {
        text.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D || $0 == 0x0A }
    }

    /// A system flag other than \Recent, or a keyword (RFC 9051 section 9, flag-keyword).
    static func isValid(_ flag: ArraySlice<UInt8>) -> Bool {
        guard let first = flag.first, flag.count <= 255 else { return false }
        if first == UInt8(ascii: "\\") {
            return self.system.contains(String(decoding: flag.map(ASCII.lowercased), as: UTF8.self))
        }
        return flag.allSatisfy(ASCII.isAtomCharacter)
    }

    /// The valid ones among the words of several strings, each once in any case.
    static func flags(_ texts: [[UInt8]]) -> [String] {
        var flags: [String] = []
        self.add(texts, to: &flags)
        return flags
    }

    static func add(_ texts: [[UInt8]], to flags: inout [String]) {
        for text in texts {
            for word in self.split(text) where self.isValid(word) && flags.count < self.maximum {
                let flag = String(decoding: word, as: UTF8.self)
                if !flags.contains(where: { ASCII.equalsIgnoringCase($0.utf8, flag.utf8) }) { flags.append(flag) }
            }
        }
    }

    static func remove(_ texts: [[UInt8]], from flags: inout [String]) {
        for text in texts {
            for word in self.split(text) { flags.removeAll { ASCII.equalsIgnoringCase($0.utf8, word) } }
        }
    }
}

/// `:flags` of an action, or the internal variable.
struct ActionFlags: Sendable {
    /// `nil`: the internal variable.
    let list: [SieveText]?

    init(_ arguments: SieveArguments, _ compiler: inout ScriptCompiler) {
        guard let tag = arguments.tags[TagGroup(name: "flags")] else {
            self.list = nil
            return
        }
        compiler.warnOfFlags(tag.strings)
        self.list = compiler.texts(tag.strings)
    }

    func value(_ run: inout SieveRun) throws(SieveRuntimeError) -> [String] {
        guard let list = self.list else { return run.flags }
        return FlagWords.flags(try list.octets(&run))
    }
}

struct FlagOperation: SieveOperation {
    enum Change: Sendable { case set, add, remove }

    let change: Change
    /// `nil`: the internal variable.
    let variable: SieveVariable?
    let flags: [SieveText]

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) {
        let texts = try self.flags.octets(&run)
        var flags: [String] = []
        if self.change != .set {
            flags = self.variable.map { FlagWords.flags([run.value(of: $0)]) } ?? run.flags
        }
        switch self.change {
        case .set, .add: FlagWords.add(texts, to: &flags)
        case .remove: FlagWords.remove(texts, from: &flags)
        }
        try run.spend(flags.count * max(1, texts.count))
        if let variable = self.variable {
            run.set(variable, Array(flags.joined(separator: " ").utf8))
        } else {
            run.flags = flags
        }
    }
}

/// RFC 5232 section 4. The keys are lists of flags too.
struct HasFlagTest: SieveTest {
    /// `nil`: the internal variable.
    let variables: [SieveVariable]?
    let keys: [SieveText]
    let matcher: any SieveMatcher

    func evaluate(_ run: inout SieveRun) throws(SieveRuntimeError) -> Bool {
        var values: [[UInt8]] = []
        if let variables = self.variables {
            for variable in variables {
                values += FlagWords.flags([run.value(of: variable)]).map { Array($0.utf8) }
            }
        } else {
            values = run.flags.map { Array($0.utf8) }
        }
        if self.matcher.counts { return try self.matcher.matches(values, self.keys, &run) }
        var keys: [SieveText] = []
        for key in try self.keys.octets(&run) { keys += FlagWords.split(key).map { SieveText(Array($0)) } }
        return try self.matcher.matches(values, keys, &run)
    }
}
