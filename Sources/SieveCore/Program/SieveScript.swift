/// A compiled script. Immutable; cheap to copy.
public struct SieveScript: Sendable {
    /// As logs and errors name it.
    public let name: String
    /// The capabilities it requires, sorted.
    public let capabilities: [String]
    /// Whether it asks what mailboxes there are.
    public var asksForMailboxes: Bool {
        self.uses("mailbox") || self.uses("special-use") || self.uses("mailboxid")
    }
    /// Whether it asks for mailboxes by their ids.
    public var asksForMailboxIDs: Bool { self.uses("mailboxid") }
    /// Whether a run may wait for more than the disk: for programs.
    public var asksForPrograms: Bool { self.uses("vnd.dovecot.filter") || self.uses("vnd.dovecot.execute") }
    /// Whether it asks for metadata.
    public var asksForMetadata: Bool { self.uses("mboxmetadata") || self.uses("servermetadata") }
    /// The scripts that it includes, directly or not, and those that were looked for and not found; each once.
    public internal(set) var included: [SieveScriptName] = []
    let program: [SieveInstruction]
    /// The place in the source of each instruction.
    let positions: [SievePosition]
    /// Variables of its own.
    var localCount = 0
    /// Whether tests set match variables.
    var usesVariables = false
    /// The scripts it includes, by the numbers in its instructions.
    var includes: [SieveScript] = []
    /// Levels of scripts below it, each included by the one above; 0: it includes none.
    var includeDepth = 0
    /// What tells it from other scripts that one run includes.
    var identity = ""
    /// The capabilities of the scripts it includes.
    var includedCapabilities: Set<String> = []

    /// Whether it or a script that it includes requires the capability.
    public func uses(_ capability: String) -> Bool {
        self.capabilities.contains(capability) || self.includedCapabilities.contains(capability)
    }
}

/// What became of the source of a script.
public struct SieveCompilation: Sendable {
    /// `nil` when there were errors.
    public var script: SieveScript?
    /// In the order of the source. At most `SieveLimits.errors` of them are errors.
    public var diagnostics: [SieveDiagnostic]
    /// All errors, also those beyond the limit.
    public var errorCount: Int
    /// Whether the text follows the grammar; only then it was checked further.
    public var isGrammatical = true
    /// As `SieveScript.included`, also of a script with errors.
    public var included: [SieveScriptName] = []
}

extension SieveCompilation {
    /// What a failure came to, in two words.
    var verdict: String { self.isGrammatical ? "validation failed" : "parse failed" }
}

/// Compiles scripts. A value; safe to use from any thread.
public struct SieveCompiler: Sendable {
    public let registry: SieveRegistry
    public let limits: SieveLimits

    public init(registry: SieveRegistry = .all, limits: SieveLimits = SieveLimits()) {
        self.registry = registry
        self.limits = limits
    }

    /// Parses, checks and compiles a script.
    ///
    /// - Parameters:
    ///   - source: the script in UTF-8; lines end in CRLF or LF.
    ///   - name: how it is called in logs.
    ///   - included: where scripts come from that it includes. One that is not there is a warning: a client that
    ///     uploads scripts one after the other has to begin somewhere.
    public func compile(
        _ source: [UInt8], name: String, included: (any SieveScriptSource)? = nil
    ) -> SieveCompilation {
        let session = IncludeSession(included)
        var compilation = self.compile(source, name: name, identity: "", session: session)
        compilation.included = session.wanted
        compilation.script?.included = session.wanted
        return compilation
    }

    func compile(_ source: [UInt8], name: String, identity: String, session: IncludeSession) -> SieveCompilation {
        if self.limits.scriptSize > 0, source.count > self.limits.scriptSize {
            return SieveCompilation(
                script: nil,
                diagnostics: [
                    SieveDiagnostic(
                        .error, SievePosition(line: 1, column: 1),
                        "the script has \(source.count) octets; \(self.limits.scriptSize) are allowed")
                ],
                errorCount: 1)
        }
        let (commands, diagnostics) = SieveParser.parse(source, limits: self.limits)
        // What is no Sieve cannot be checked further.
        guard diagnostics.errors == 0 else {
            return SieveCompilation(
                script: nil, diagnostics: diagnostics.sorted, errorCount: diagnostics.errors, isGrammatical: false)
        }
        var compiler = ScriptCompiler(self.registry, self.limits, diagnostics, session)
        compiler.commands(commands)
        let script =
            compiler.diagnostics.errors > 0
            ? nil
            : SieveScript(
                name: name, capabilities: compiler.required.sorted(), program: compiler.program,
                positions: compiler.positions, localCount: compiler.localCount,
                usesVariables: compiler.has("variables"), includes: compiler.includes,
                includeDepth: compiler.includes.map { $0.includeDepth + 1 }.max() ?? 0, identity: identity,
                includedCapabilities: compiler.includes.reduce(into: []) {
                    $0.formUnion($1.capabilities)
                    $0.formUnion($1.includedCapabilities)
                })
        return SieveCompilation(
            script: script, diagnostics: compiler.diagnostics.sorted, errorCount: compiler.diagnostics.errors)
    }
}
