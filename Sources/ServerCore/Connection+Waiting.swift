import NIOCore

/// Why `Connection.wait` returned.
public enum Wakeup: Equatable, Sendable {
    /// Octets arrived since the session's last look at its input.
    case input
    /// `signal()` was called.
    case signal
    case timeout
    /// The peer closed its side, or the connection broke.
    case closed
    /// The session shall end; see `Connection.shutdownReason`.
    case shutdown
}

/// What `Connection.wait` shall wait for; closing, shutdown and the timeout always end it.
public struct WaitEvents: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let input = WaitEvents(rawValue: 1)
    public static let signal = WaitEvents(rawValue: 2)
    static let writable = WaitEvents(rawValue: 4)
    static let handshake = WaitEvents(rawValue: 8)
    static let inputEnd = WaitEvents(rawValue: 16)
    static let shutdown = WaitEvents(rawValue: 32)
    static let drained = WaitEvents(rawValue: 64)
}

extension WaitEvents {
    /// With what ends every wait of a session.
    var ofSession: WaitEvents { self.intersection([.input, .signal]).union([.inputEnd, .shutdown]) }
}

struct Waiter {
    /// Goes on with what waits.
    let resume: (Wakeup) -> Void
    let events: WaitEvents
    let deadline: NIODeadline?
}

extension Connection {
    /// Waits for more input than the session has seen: call it after a look at the input found nothing
    /// complete. What came in since that look counts, so nothing is missed.
    ///
    /// Throws `.closed` when the peer will send nothing more, `.timedOut` after `inactivityTimeout` or at
    /// the login deadline, `.shutdown` when the session shall end.
    public func readMore() async throws(ConnectionError) {
        _ = try await self.read(.input, within: self.inactivityTimeout)
    }

    /// As `readMore`, but a signal ends the wait, too.
    ///
    /// - Parameter time: what is left of `inactivityTimeout`.
    /// - Returns: whether input came, and not a signal.
    public func readMoreOrSignal(within time: Duration) async throws(ConnectionError) -> Bool {
        try await self.read([.input, .signal], within: time) == .input
    }

    private func read(_ events: WaitEvents, within time: Duration) async throws(ConnectionError) -> Wakeup {
        let wakeup = await self.wait(for: events, timeout: time)
        try self.check(wakeup)
        return wakeup
    }

    /// What `readMore` throws when it is woken like that.
    public func check(_ wakeup: Wakeup) throws(ConnectionError) {
        switch wakeup {
        case .input, .signal: return
        case .timeout: throw ConnectionError(.timedOut, self.timeoutText)
        case .shutdown:
            throw ConnectionError(.shutdown, (self.shutdownReason ?? .stopping).text)
        case .closed: throw self.failure ?? ConnectionError(.closed, "Connection closed")
        }
    }

    /// Waits for the first of `events`, the end of the connection, a shutdown, or `timeout` (`nil`: none
    /// but the login deadline). A signal that came before the call counts, and so does input that came after
    /// the session's last look (`withInput`, `input`, `unread`).
    public func wait(for events: WaitEvents, timeout: Duration?) async -> Wakeup {
        self.loop.preconditionInEventLoop()
        // What waits long holds no output buffer.
        if self.output.isEmpty, self.output.capacity > 1024 { self.output = [] }
        // A little input can stand for very much; others on this loop get their turn.
        if self.canInflate { await Task.yield() }
        return await self.suspend(for: events.ofSession, deadline: self.deadline(after: timeout))
    }

    /// When a wait of a session ends that may take so long.
    func deadline(after timeout: Duration?) -> NIODeadline? {
        let deadline = timeout.map { NIODeadline.now() + $0.nio }
        return switch (deadline, self.absoluteDeadline) {
        case (let a?, let b?): min(a, b)
        case (let a, let b): a ?? b
        }
    }

    /// A point in time from now at which waits end with a timeout whatever the peer sends: the time to log
    /// in. `nil` lifts it, which a server does when the user has authenticated.
    public func setDeadline(after time: Duration?) {
        self.loop.preconditionInEventLoop()
        self.absoluteDeadline = time.map { NIODeadline.now() + $0.nio }
    }

    private var timeoutText: String {
        if let absolute = self.absoluteDeadline, absolute <= .now() { return "Too slow to log in" }
        return "Inactivity"
    }

    // MARK: internals

    /// Suspends until one of `events`; at once when it is there already.
    ///
    /// The look and the entry of the waiter are one step of the loop. A look before the call would not do:
    /// code that is isolated to no actor is queued once more on its way into the continuation's body, and
    /// what happened meanwhile would be missed.
    func suspend(for events: WaitEvents, deadline: NIODeadline?) async -> Wakeup {
        await withUnsafeContinuation { continuation in
            self.enter(events, deadline) { continuation.resume(returning: $0) }
        }
    }

    /// Calls `resume` on one of `events`; at once when it is there already.
    func enter(_ events: WaitEvents, _ deadline: NIODeadline?, _ resume: @escaping (Wakeup) -> Void) {
        precondition(self.waiter == nil, "a connection has one wait at a time")
        if let wakeup = self.present(events) { return resume(wakeup) }
        self.waiter = Waiter(resume: resume, events: events, deadline: deadline)
        if let deadline { self.arm(deadline) }
        self.compression?.noteWait(self.loop)
        if events.contains(.input) { self.resumeReading() }
    }

    private func present(_ events: WaitEvents) -> Wakeup? {
        self.loop.preconditionInEventLoop()
        if events.contains(.shutdown), self.shutdownReason != nil { return .shutdown }
        if events.contains(.input) {
            while self.bytesIn == self.seen, self.canInflate { self.inflateMore() }
        }
        if events.contains(.input), self.bytesIn > self.seen {
            self.noteLook()
            return .input
        }
        if self.isClosed || (events.contains(.inputEnd) && self.inputEnded) { return .closed }
        if events.contains(.signal), self.signalled {
            self.signalled = false
            return .signal
        }
        if events.contains(.writable), self.channel.isWritable { return .input }
        if events.contains(.handshake), self.tls != nil || self.failure != nil { return .input }
        if events.contains(.drained), self.isDrained { return .input }
        return nil
    }

    func wake(_ wakeup: Wakeup) {
        guard let waiter = self.waiter else { return }
        self.waiter = nil
        waiter.resume(wakeup)
    }

    /// One timer serves all waits: it is left running when a wait ends early, and moved on when it fires
    /// before its time. A session that reads a thousand commands a second schedules nothing.
    private func arm(_ deadline: NIODeadline) {
        guard deadline < self.timerDeadline else { return }
        self.timer?.cancel()
        self.timerDeadline = deadline
        self.timer = self.loop.scheduleTask(deadline: deadline) { self.timerFired() }
    }

    private func timerFired() {
        self.timer = nil
        self.timerDeadline = .distantFuture
        guard let waiter = self.waiter, let deadline = waiter.deadline else { return }
        if deadline <= .now() { self.wake(.timeout) } else { self.arm(deadline) }
    }

    func cancelTimer() {
        self.timer?.cancel()
        self.timer = nil
        self.timerDeadline = .distantFuture
    }
}

extension Duration {
    var nio: TimeAmount {
        let (seconds, attoseconds) = self.components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        // A century is as good as for ever, and cannot overflow a deadline.
        guard !overflow, product < 3_000_000_000_000_000_000 else { return .hours(876_000) }
        return .nanoseconds(product + attoseconds / 1_000_000_000)
    }
}
