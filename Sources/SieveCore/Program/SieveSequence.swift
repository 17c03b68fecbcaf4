/// Several scripts one after the other, as a delivery runs them: the next one runs only while the mail would be
/// kept, and keep is done once, after the last.
public struct SieveSequence {
    /// Without keeps. In the order of execution, duplicates not merged over scripts.
    public private(set) var actions: [SieveAction] = []
    /// Whether the message goes into the default mailbox too.
    public private(set) var keeps = true
    /// Whether a script said `discard`.
    public private(set) var discards = false
    /// The flags of that keep; what the next script begins with.
    public private(set) var flags: [String] = []
    /// The forms of the message that the scripts have made; actions name them by number, from 1.
    public private(set) var editedMessages: [SieveEditedMessage] = []
    /// The form of the message for keep.
    public private(set) var keepMessage = 0
    /// The message for the next script; valid as long as the octets of the message.
    public private(set) var message: SieveMessage?
    /// Everything that was decided, keep and discard too, with the place in its script: `main:3: fileinto "Work"`.
    public private(set) var decisions: [String] = []
    /// The error that ended the sequence.
    public private(set) var error: SieveRuntimeError?

    /// - Parameter flags: those of the message, where it has some already.
    public init(flags: [String] = []) { self.flags = flags }

    /// Whether another script is to run.
    public var goesOn: Bool { self.keeps && self.error == nil }

    /// Takes the result of the next script. Of one that failed nothing is taken: the message is kept as the scripts
    /// before it have left it.
    public mutating func add(_ result: SieveResult) {
        if let error = result.error { return self.fail(error) }
        let offset = self.editedMessages.count
        func shifted(_ message: Int) -> Int { message == 0 ? 0 : message + offset }
        self.keepMessage = shifted(result.keepMessage)
        self.flags = result.flags
        self.message = result.finalMessage
        for var action in result.actions {
            action.message = shifted(action.message)
            self.decisions.append("\(action.script):\(action.position.line): \(action.kind.summary)")
            switch action.kind {
            case .discard: self.discards = true
            case .keep(let flags):
                self.flags = flags
                self.keepMessage = action.message
            default: self.actions.append(action)
            }
        }
        self.editedMessages += result.editedMessages
        self.keeps = result.keepsImplicitly || result.keepsExplicitly
    }

    /// Whether the message goes nowhere: then a site may have a script that looks at it once more.
    public var isDiscarded: Bool {
        guard !self.keeps, self.error == nil else { return false }
        return self.actions.allSatisfy { action in
            switch action.kind {
            case .keep, .fileInto, .redirect, .reject, .pipe: false
            case .discard, .vacation, .notify, .report: true
            }
        }
    }

    /// Takes away what answers the sender of mail that is being delivered; what a script refused is kept.
    public mutating func forgetAnswers() {
        self.actions.removeAll { action in
            switch action.kind {
            case .reject:
                self.keeps = true
                return true
            case .vacation: return true
            case .keep, .fileInto, .redirect, .discard, .notify, .report, .pipe: return false
            }
        }
    }

    /// Takes the result of the script for messages that would be discarded: without an action of its own they still
    /// are.
    public mutating func addForDiscarded(_ result: SieveResult) {
        self.add(result)
        if result.error == nil { self.keeps = result.keepsExplicitly }
    }

    /// A script could not be compiled, or failed: the message is kept, and no further script runs.
    public mutating func fail(_ error: SieveRuntimeError) {
        self.keeps = true
        self.error = error
        self.decisions.append("\(error.script):\(error.position.line): error: \(error.text)")
    }
}
