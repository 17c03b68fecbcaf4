public import MailStore

/// Takes the queue's mails on to the site's MTA, and remembers what became of them.
public protocol MailTransport: Sendable {
    /// Whether anything can be sent at all; else all waits.
    var canSend: Bool { get }

    /// Hands a mail over and waits for the end of that: on threads of its own.
    ///
    /// - Parameters:
    ///   - queue: `OutgoingQueue.identity`.
    ///   - arguments: sendmail's.
    ///   - next: the next piece of the message, with the line ends of Unix; empty at its end.
    func send(_ mail: QueuedMail, of queue: UInt64, _ arguments: [String], _ next: () -> [UInt8]) -> MailFate

    /// What became of a mail that was being handed over, perhaps by an earlier process; waits while it still is. `nil`
    /// when that cannot be said now.
    func fate(of mail: QueuedMail, of queue: UInt64) -> MailFate?
}

/// What became of a mail that was handed over.
public enum MailFate: Sendable, Hashable {
    /// The MTA has it.
    case sent
    /// It never will take it. What it said.
    case refused(String)
    /// It did not take it. Why.
    case failed(String)
    /// It was not given to it.
    case notBegun
    /// The answer has not come, and whoever has the mail can be asked for it.
    case lost
    /// It may have it, and nobody knows.
    case unknown
}

extension QueuedMail {
    /// What a sendmail program is called with.
    var sendmailArguments: [String] {
        ["-i", "-f", self.sender.isEmpty ? "<>" : self.sender, "--", self.recipient]
    }
}
