internal import DequeModule
internal import MailStore
internal import Synchronization
internal import Threads

/// Mailboxes that nobody has open any more and whose messages are still in memory, the latest ones, as many as a
/// bound on their messages allows.
final class IdleMailboxes: Sendable {
    private struct State {
        var order: Deque<(mailbox: MailboxState, messages: Int)> = []
        var queued = Set<ObjectIdentifier>()
        var messages = 0
    }

    private let state = Mutex(State())
    private let maximum: Int

    init(maximumMessages: Int) { self.maximum = maximumMessages }

    func add(_ mailbox: MailboxState, messages: Int) {
        let dropped = self.state.withLock { state in
            guard state.queued.insert(ObjectIdentifier(mailbox)).inserted else { return [MailboxState]() }
            // An empty mailbox counts, too, so that their number is bounded.
            state.order.append((mailbox, messages + 16))
            state.messages += messages + 16
            var dropped: [MailboxState] = []
            while state.messages > self.maximum, let oldest = state.order.popFirst() {
                state.messages -= oldest.messages
                state.queued.remove(ObjectIdentifier(oldest.mailbox))
                dropped.append(oldest.mailbox)
            }
            return dropped
        }
        // One that is in use again keeps them, and comes back here when it is closed.
        for mailbox in dropped { mailbox.forgetMessages() }
    }

    func removeAll() {
        let dropped = self.state.withLock { state in
            defer { state = State() }
            return state.order
        }
        for entry in dropped { entry.mailbox.forgetMessages() }
    }
}
