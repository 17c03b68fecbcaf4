import MIMECore

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

/// What one run of one script came to. Valid as long as the message's octets are.
public struct SieveResult {
    /// In the order of the script, duplicates merged. Empty after an error.
    public internal(set) var actions: [SieveAction] = []
    /// Whether implicit keep is to be done: no action cancelled it, or there was an error.
    public internal(set) var keepsImplicitly = true
    /// Whether a `keep` was executed, also when it was merged with an earlier fileinto.
    public internal(set) var keepsExplicitly = false
    /// The flags of implicit keep, and of the scripts that run after this one.
    public internal(set) var flags: [String] = []
    /// The forms of the message that scripts have made; actions name them by number, from 1.
    public internal(set) var editedMessages: [SieveEditedMessage] = []
    /// The form of the message for implicit keep, as `SieveAction.message`.
    public internal(set) var keepMessage = 0
    /// The message for scripts that run after this one.
    public internal(set) var finalMessage: SieveMessage?
    public internal(set) var error: SieveRuntimeError?
    /// The message was edited since the last action.
    var hasUnnotedEdit = false

    init() {}

    mutating func note(_ kind: SieveAction.Kind, cancelsKeep: Bool) {
        if cancelsKeep { self.keepsImplicitly = false }
        if case .keep = kind { self.keepsExplicitly = true }
    }

    /// The later of two equal actions adds its flags.
    mutating func merge(_ kind: SieveAction.Kind, into index: Int) {
        switch (self.actions[index].kind, kind) {
        case (.keep(let old), .keep(let new)): self.actions[index].kind = .keep(flags: Self.joined(old, new))
        case (.fileInto(var place), .fileInto(let new)):
            place.flags = Self.joined(place.flags, new.flags)
            self.actions[index].kind = .fileInto(place)
        case (.fileInto(var place), .keep(let new)):
            place.flags = Self.joined(place.flags, new)
            self.actions[index].kind = .fileInto(place)
        case (.keep(let old), .fileInto(let place)):
            self.actions[index].kind = .keep(flags: Self.joined(old, place.flags))
        default: break
        }
    }

    private static func joined(_ old: [String], _ new: [String]) -> [String] {
        old + new.filter { !old.contains($0) }
    }

    /// The number of the message as it is now.
    mutating func version(of message: SieveMessage) -> Int {
        if message.isOriginal { return 0 }
        if self.hasUnnotedEdit || self.editedMessages.isEmpty {
            self.hasUnnotedEdit = false
            self.editedMessages.append(
                SieveEditedMessage(
                    header: Array(message.header.buffer),
                    body: message.hasOriginalBody ? nil : Array(message.body.buffer)))
        }
        return self.editedMessages.count
    }
}
