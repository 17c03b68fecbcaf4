import NIOCore

/// How a session goes on that has ended its task to wait.
struct Rest {
    let events: WaitEvents
    let timeout: Duration?
    let resume: @Sendable (Wakeup) async -> Void
}

extension Connection {
    /// Has the session wait without a task. A task keeps the memory of the deepest call it ever made, tens of KiB; what
    /// waits for minutes should not hold them.
    ///
    /// To be called right before the service's `serve`, or the last `resume`, returns. When one of `events` comes, the peer
    /// closes, the session is asked to end, or `timeout` has passed, `resume` is called in a new task, in place of `serve`.
    /// As with `wait`, nothing that happened before is missed.
    public func rest(
        for events: WaitEvents, timeout: Duration?, _ resume: @escaping @Sendable (Wakeup) async -> Void
    ) {
        self.loop.preconditionInEventLoop()
        self.rest = Rest(events: events, timeout: timeout, resume: resume)
    }

    /// Enters the wait that the session has asked for, and calls `begin` with what goes on after it; `false` when there is
    /// none: the session is over.
    func beginRest(_ begin: @escaping (_ body: @escaping @Sendable () async -> Void) -> Void) -> Bool {
        self.loop.preconditionInEventLoop()
        guard let rest = self.rest else { return false }
        self.rest = nil
        if self.output.isEmpty { self.output = [] }
        self.enter(rest.events.ofSession, self.deadline(after: rest.timeout)) { wakeup in
            begin { await rest.resume(wakeup) }
        }
        return true
    }
}
