extension SieveExtension {
    /// RFC 6609.
    static let include = SieveExtension(
        capability: "include",
        commands: [
            SieveDefinition(
                "include", capability: "include",
                Signature(
                    tags: [
                        TagDefinition("personal", group: location), TagDefinition("global", group: location),
                        TagDefinition("once"), TagDefinition("optional"),
                    ], positional: [PositionalArgument("the script", .string)])
            ) { compiler, arguments in
                guard let literal = arguments.strings(0).first,
                    let octets = compiler.constant(literal, "the name of an included script")
                else { return }
                let name = String(decoding: octets, as: UTF8.self)
                compiler.include(
                    SieveScriptName(
                        location: arguments.tags[location]?.name == "global" ? .global : .personal, name: name),
                    at: literal.position, once: arguments.has("once"), isOptional: arguments.has("optional"))
            },
            SieveDefinition("return", capability: "include", Signature()) { compiler, _ in compiler.emit(.leave) },
            shared("global"),
            // The words of older drafts.
            shared("import"), shared("export"),
        ],
        namespaces: [
            VariableNamespace(name: "global", capability: "include", isAssignable: true) { .global($0) }
        ])

    private static let location = TagGroup(name: "location")

    /// RFC 6609 section 3.4.1.
    private static func shared(_ name: String) -> SieveDefinition {
        SieveDefinition(
            name, capability: "include", Signature(positional: [PositionalArgument("the variables", .stringList)])
        ) { compiler, arguments in
            guard compiler.has("variables") else {
                compiler.error(
                    arguments.position,
                    "\(quoted(name)) needs `require \"variables\";` at the beginning of the script")
                return
            }
            for literal in arguments.strings(0) {
                guard let parts = VariableReference.name(of: literal.octets), parts.count == 1,
                    !(parts[0].utf8.first.map { $0 >= 0x30 && $0 <= 0x39 } ?? true)
                else {
                    compiler.error(literal.position, "\(quoted(literal.octets)) is no name of a variable")
                    continue
                }
                if !compiler.share(parts[0]) {
                    compiler.error(
                        literal.position, "the variable \(quoted(parts[0])) is used already before it is made global")
                }
            }
        }
    }
}

/// A script that another one includes.
public struct SieveScriptName: Sendable, Hashable {
    public enum Location: String, Sendable { case personal, global }

    public var location: Location
    /// As the script writes it, without an ending.
    public var name: String

    public init(location: Location, name: String) {
        self.location = location
        self.name = name
    }
}

/// Where included scripts come from. Called while a script is compiled; may wait for the disk.
public protocol SieveScriptSource: Sendable {
    /// The source of the script; `nil`: there is none of that name.
    func source(of name: SieveScriptName) -> [UInt8]?

    /// The language of the scripts of that place; `nil`: that of the script that includes them.
    func registry(of location: SieveScriptName.Location) -> SieveRegistry?
}

extension SieveScriptSource {
    public func registry(of location: SieveScriptName.Location) -> SieveRegistry? { nil }
}

/// What the compilation of a script and of all that it includes have in common.
final class IncludeSession {
    let source: (any SieveScriptSource)?
    /// The scripts around the one in work, the outermost first.
    var stack: [SieveScriptName] = []
    /// Those that were compiled already; `nil` for faulty ones.
    var known: [SieveScriptName: SieveScript?] = [:]
    var count = 0
    /// The lowest place in `stack` that an `include :once` of the script in work has named, so that it was left out.
    var lowestLeftOut = Int.max
    /// All that were looked for, in order.
    var wanted: [SieveScriptName] = []

    init(_ source: (any SieveScriptSource)?) { self.source = source }
}

/// In place of an included script that is not there: an error when a run gets there, and no sooner (RFC 6609 section
/// 3.1).
struct MissingScript: SieveOperation {
    let text: String

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) { throw run.error(self.text) }
}

extension ScriptCompiler {
    /// Compiles the script and lets the run go into it.
    fileprivate mutating func include(
        _ name: SieveScriptName, at position: SievePosition, once: Bool, isOptional: Bool
    ) {
        let shown = quoted(name.name)
        guard Self.isScriptName(name.name) else {
            self.error(position, "\(shown) is no name of a script")
            return
        }
        let depth = self.session.stack.count
        if let place = self.session.stack.firstIndex(of: name) {
            if !once { return self.error(position, "the script \(shown) includes itself") }
            // It counts as included already (RFC 6609 section 3.2).
            self.session.lowestLeftOut = min(self.session.lowestLeftOut, place)
            return
        }
        let known = self.session.known[name]
        guard depth + (known.flatMap { $0?.includeDepth } ?? 0) < self.limits.includeNesting else {
            self.error(position, "scripts are included more than \(self.limits.includeNesting) deep")
            return
        }
        if let known {
            if let known { self.emit(known, once: once) }
            return
        }
        if !self.session.wanted.contains(name) { self.session.wanted.append(name) }
        guard let octets = self.session.source?.source(of: name) else {
            guard !isOptional else { return }
            let text = "there is no \(name.location.rawValue) script \(shown)"
            self.diagnostics.warning(position, text + " yet; mail is kept until there is one")
            self.emit(MissingScript(text: text))
            return
        }
        self.session.count += 1
        guard self.session.count <= self.limits.includes else {
            self.error(position, "more than \(self.limits.includes) scripts are included")
            return
        }
        self.session.stack.append(name)
        let leftOut = self.session.lowestLeftOut
        self.session.lowestLeftOut = .max
        let registry = self.session.source?.registry(of: name.location) ?? self.registry
        let compilation = SieveCompiler(registry: registry, limits: self.limits)
            .compile(octets, name: name.name, identity: "\(name.location.rawValue) \(name.name)", session: self.session)
        self.session.stack.removeLast()
        // What was left out for a script around this one is not left out elsewhere.
        if self.session.lowestLeftOut >= depth { self.session.known[name] = .some(compilation.script) }
        self.session.lowestLeftOut = min(leftOut, self.session.lowestLeftOut)
        if let script = compilation.script {
            self.emit(script, once: once)
        } else {
            self.diagnostics.add(compilation.diagnostics, of: name.name, at: position)
            self.error(position, "the included script \(shown) has errors: \(compilation.verdict)")
        }
    }

    private mutating func emit(_ script: SieveScript, once: Bool) {
        self.emit(.include(self.includes.count, once: once))
        self.includes.append(script)
    }

    /// As ManageSieve takes names (RFC 5804 section 1.6), and no path.
    private static func isScriptName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 256 && !name.utf8.contains(UInt8(ascii: "/")) && name != "." && name != ".."
            && name.unicodeScalars.allSatisfy { scalar in
                switch scalar.value {
                case 0..<0x20, 0x7F...0x9F, 0x2028, 0x2029: false
                default: true
                }
            }
    }
}
