/// Why a run ended early. Nothing the script decided is done then but implicit keep
/// (RFC 5228 section 2.10.6).
public struct SieveRuntimeError: Error, Sendable, Equatable, CustomStringConvertible {
    public var script: String
    public var position: SievePosition
    /// Worded for a person.
    public var text: String

    public init(script: String, position: SievePosition, text: String) {
        self.script = script
        self.position = position
        self.text = text
    }

    /// `line 3, column 7: error: too many redirects`
    public var description: String {
        "line \(self.position.line), column \(self.position.column): error: \(self.text)"
    }
}

/// What one run of one script came to.
public struct SieveResult: Sendable, Equatable {
    /// In the order of the script, duplicates merged. Empty after an error.
    public var actions: [SieveAction] = []
    /// Whether implicit keep is to be done: no action cancelled it, or there was an error.
    public var keepsImplicitly = true
    /// Whether a `keep` was executed, also when it was merged with an earlier fileinto.
    public var keepsExplicitly = false
    public var error: SieveRuntimeError?

    public init() {}
}

/// Several scripts one after the other, as a delivery runs them: the next one runs only while the mail would be
/// kept, and keep is done once, after the last.
public struct SieveSequence: Sendable {
    /// Without keeps. In the order of execution, duplicates not merged over scripts.
    public private(set) var actions: [SieveAction] = []
    /// Whether the message goes into the default mailbox too.
    public private(set) var keeps = true
    /// The error that ended the sequence.
    public private(set) var error: SieveRuntimeError?

    public init() {}

    /// Whether another script is to run.
    public var goesOn: Bool { self.keeps && self.error == nil }

    /// Takes the result of the next script.
    public mutating func add(_ result: SieveResult) {
        self.actions += result.actions.filter { $0.kind != .keep && $0.kind != .discard }
        self.keeps = result.keepsImplicitly || result.keepsExplicitly
        self.error = result.error
    }

    /// A script could not be compiled: the message is kept, and no further script runs.
    public mutating func fail(_ error: SieveRuntimeError) {
        self.keeps = true
        self.error = error
    }
}
