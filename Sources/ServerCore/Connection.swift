import Glibc
public import NIOCore
import Synchronization

/// One accepted connection, as straight-line `async` code wants it: unread input, pending output, and waits.
///
/// Everything but `signal()`, `requestShutdown(_:)`, `isEnding` and the `let` properties belongs to the connection's
/// event loop; called elsewhere it stops the program. At most one wait (`readMore`, `wait`, `flush`,
/// `startTLS`) is under way at a time. A session is an actor whose `unownedExecutor` is
/// `connection.executor.asUnownedSerialExecutor()`.
///
/// ```swift
/// while true {
///     let command = connection.withInput { parser.next($0) }   // look
///     guard let command else { try await connection.readMore(); continue }
///     connection.consume(command.length)
///     command.run(&connection.output)                          // encoders append here
///     try await connection.flush()
/// }
/// ```
// Sendable: the mutable fields are touched only on `loop` (every entry point checks), except `posted` and `ending`,
// which are atomics.
public final class Connection: @unchecked Sendable {
    /// The event loop as executor for the session's actor and its tasks.
    public let executor: LoopExecutor
    /// A number that no other connection of this process has.
    public let id: UInt64
    /// A short text for the logs, different for each connection over time and processes.
    public let sessionID: String
    /// The client's address, and the one it connected to: of a proxy that may tell them, as it told them.
    public let remoteAddress: PeerAddress
    public let localAddress: PeerAddress
    public let limits: ConnectionSettings
    let loop: any EventLoop
    let channel: any Channel
    /// Whether a proxy told the addresses.
    public let isProxied: Bool
    /// The client speaks TLS to the proxy that told so.
    private let isEncryptedByProxy: Bool
    private let registry: SessionRegistry
    private let counters: ConnectionLimits
    /// Counted among those that have not logged in.
    private var isWaitingForLogin = false

    // MARK: state on the loop

    var inputBuffer = ByteBuffer()
    /// `bytesIn` when the session last looked at its input.
    private(set) var seen: UInt64 = 0
    /// Output not yet handed to the network. Encoders append here; `flush()` sends it.
    public var output: [UInt8] = []
    /// Octets of the protocol received and sent so far (TLS overhead not counted).
    public internal(set) var bytesIn: UInt64 = 0
    public internal(set) var bytesOut: UInt64 = 0
    /// Octets of `bytesIn` that a session has taken. Those that wait to be read may stop counting: what turns out to be
    /// compressed counts when it is inflated.
    public var bytesTaken: UInt64 { self.bytesIn - min(self.bytesIn, UInt64(self.inputBuffer.readableBytes)) }
    /// What TLS agreed on; `nil` while the connection is in clear.
    public internal(set) var tls: TLSInfo?
    /// Whether the client speaks TLS, with this server or with the proxy in front of it.
    public var isEncrypted: Bool { self.tls != nil || self.isEncryptedByProxy }
    /// What a login can bind itself to, by type: none where the client's TLS ends at a proxy.
    public var channelBindings: [String: [UInt8]] {
        self.isEncryptedByProxy ? [:] : self.tls?.channelBindings ?? [:]
    }
    /// Whether a password may cross it: TLS, or nothing between that could listen.
    public var isProtected: Bool { self.isEncrypted || self.remoteAddress.isLocal }
    /// Why the session shall end, once it shall; `readMore` and `wait` then no longer wait.
    public internal(set) var shutdownReason: ShutdownReason? {
        didSet { if self.shutdownReason != nil { self.ending.store(true, ordering: .relaxed) } }
    }
    /// How long `readMore` waits for the peer; the server sets it when the session's state changes.
    public var inactivityTimeout: Duration

    /// Set by `startCompression`.
    var compression: Compression?
    var context: ChannelHandlerContext?
    /// The peer will send nothing more.
    var inputEnded = false
    /// Nothing can be sent any more.
    var isClosed = false {
        didSet { if self.isClosed { self.ending.store(true, ordering: .relaxed) } }
    }
    private let ending = Atomic<Bool>(false)
    var failure: ConnectionError?
    /// See `watchingEnd`.
    var onEnd: (() -> Void)?
    var readSuppressed = false
    /// Closing: what still comes in is dropped.
    var discarding = false
    var isDrained = false
    var signalled = false
    var waiter: Waiter?
    /// Set by `rest`.
    var rest: Rest?
    var timer: Scheduled<Void>?
    var timerDeadline = NIODeadline.distantFuture
    var absoluteDeadline: NIODeadline?
    private var commandsSinceYield = 0
    let posted = Atomic<Bool>(false)

    init(
        channel: any Channel, ends: ConnectionEnds, executor: LoopExecutor, id: UInt64, sessionID: String,
        limits: ConnectionSettings, registry: SessionRegistry, counters: ConnectionLimits
    ) {
        self.channel = channel
        self.loop = channel.eventLoop
        self.executor = executor
        self.id = id
        self.sessionID = sessionID
        self.remoteAddress = ends.remote
        self.localAddress = ends.local
        self.isProxied = ends.isTold
        self.isEncryptedByProxy = ends.isEncrypted
        self.limits = limits
        self.registry = registry
        self.counters = counters
        self.inactivityTimeout = limits.inactivityTimeout
    }

    // MARK: input

    /// How many unread octets are at hand.
    public var unread: Int {
        self.noteLook()
        return self.inputBuffer.readableBytes
    }

    /// Looks at the unread input; the span is valid during `body` only.
    @inlinable
    public func withInput<R, E: Error>(_ body: (Span<UInt8>) throws(E) -> R) throws(E) -> R {
        try body(self.input.readableBytesUInt8Span)
    }

    /// The unread input as a buffer: shares storage, copies nothing.
    public var input: ByteBuffer {
        self.noteLook()
        return self.inputBuffer
    }

    func noteLook() {
        self.loop.preconditionInEventLoop()
        self.seen = self.bytesIn
    }

    /// Drops the first `count` unread octets, at most what is there.
    public func consume(_ count: Int) {
        self.loop.preconditionInEventLoop()
        self.inputBuffer.moveReaderIndex(forwardBy: min(max(0, count), self.inputBuffer.readableBytes))
        // An idle connection holds no buffer.
        if self.inputBuffer.readableBytes == 0 { self.inputBuffer = ByteBuffer() }
        self.resumeReading()
    }

    /// Takes the first `count` unread octets out, at most what is there: for literals and message bodies.
    public func take(_ count: Int) -> ByteBuffer {
        self.loop.preconditionInEventLoop()
        let count = min(max(0, count), self.inputBuffer.readableBytes)
        let slice = self.inputBuffer.readSlice(length: count) ?? ByteBuffer()
        if self.inputBuffer.readableBytes == 0 { self.inputBuffer = ByteBuffer() }
        self.resumeReading()
        return slice
    }

    /// Has the kernel acknowledge what came in now rather than with the next answer, at most 40 ms later. For waits
    /// on the rest of something whose sender may hold it back by Nagle's algorithm until then.
    public func acknowledgeInput() {
        self.loop.preconditionInEventLoop()
        guard !self.remoteAddress.isUnix else { return }
        // Of a connection that is gone nothing needs to be acknowledged.
        try? self.channel.syncOptions?.setOption(.tcpOption(.init(rawValue: TCP_QUICKACK)), value: 1)
    }

    // MARK: output

    /// Appends to the pending output.
    public func write(_ bytes: [UInt8]) { self.output.append(contentsOf: bytes) }

    /// Appends to the pending output.
    public func write(_ buffer: ByteBuffer) { self.output.append(contentsOf: buffer.readableBytesView) }

    /// Appends a fixed text, with its own line end, to the pending output.
    public func write(_ text: StaticString) {
        self.output.append(
            contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Sends the pending output. Returns at once while the peer keeps up; otherwise suspends until it has
    /// read enough, at most `limits.outputTimeout`.
    ///
    /// Throws `.closed`, or `.slowReader` when the peer did not read in time or more than
    /// `limits.maximumOutput` octets were pending; the connection is then closed.
    public func flush() async throws(ConnectionError) {
        self.loop.preconditionInEventLoop()
        guard !self.isClosed else { throw self.failure ?? ConnectionError(.closed, "Connection closed") }
        let count = self.output.count
        if count > self.limits.maximumOutput {
            throw self.abort(ConnectionError(.slowReader, "Output of \(count) octets is over the limit"))
        }
        self.sendPending()
        while !self.channel.isWritable, !self.isClosed {
            // Before login the whole has a deadline: reading slowly is no way around it.
            let patience = NIODeadline.now() + self.limits.outputTimeout.nio
            let deadline = self.absoluteDeadline.map { min($0, patience) } ?? patience
            switch await self.suspend(for: .writable, deadline: deadline) {
            case .timeout:
                throw self.abort(ConnectionError(.slowReader, "Peer did not read its answers in time"))
            case .input, .signal, .closed, .shutdown: continue
            }
        }
        if self.isClosed { throw self.failure ?? ConnectionError(.closed, "Connection closed") }
    }

    /// `flush()` once the pending output is worth a write of its own (32 KiB): for loops that produce much.
    public func flushIfLarge() async throws(ConnectionError) {
        if self.output.count >= 32 * 1024 { try await self.flush() }
    }

    /// To be called behind each command: a client that pipelines thousands of them shares the loop with others.
    public func shareLoop() async {
        self.commandsSinceYield += 1
        guard self.commandsSinceYield >= 32 else { return }
        self.commandsSinceYield = 0
        await Task.yield()
    }

    // MARK: life

    /// The user has authenticated: the login deadline is lifted and the session is known by its user's name.
    /// `false` when the user already has `limit` connections to this service from this address (0: no
    /// limit); the server then refuses the login.
    public func authenticated(user: String, limit: Int) -> Bool {
        self.loop.preconditionInEventLoop()
        guard self.registry.login(self, user: user, limit: limit > 0 ? limit : .max) else { return false }
        self.absoluteDeadline = nil
        self.stopWaiting()
        return true
    }

    /// The user has left, and the connection waits for a login again.
    public func unauthenticated() {
        self.loop.preconditionInEventLoop()
        self.registry.logout(self)
        // Without a place among those who wait it may stay too: its address has shown that it can log in.
        if !self.isWaitingForLogin, self.counters.waiting.acquire(self.remoteAddress) {
            self.isWaitingForLogin = true
            self.counters.waits(self)
        }
        self.setDeadline(after: self.limits.loginTimeout)
        self.inactivityTimeout = self.limits.inactivityTimeout
    }

    /// Counts the connection in; a refusal says why it may not stay.
    func enter(service: String, since: Int64) -> Refusal? {
        if let refusal = self.counters.acquire(self.remoteAddress) { return refusal }
        self.isWaitingForLogin = true
        if self.registry.add(self, service: service, since: since) {
            self.counters.waits(self)
            return nil
        }
        self.countOut()
        return .shuttingDown
    }

    /// The session is over: `who` does not show it any more, and its user may begin another one.
    func leave() { self.registry.remove(self) }

    /// Counts it out again: the last thing that happens to a connection that came in.
    func countOut() {
        self.stopWaiting()
        self.counters.release()
    }

    private func stopWaiting() {
        guard self.isWaitingForLogin else { return }
        self.isWaitingForLogin = false
        self.counters.stopsWaiting(self)
        self.counters.waiting.release(self.remoteAddress)
    }

    // MARK: from other threads

    /// Whether nobody waits for answers any more: nothing can be sent, or the session shall end. From any thread. A peer
    /// that has only closed its side may still read what it asked for.
    public var isEnding: Bool { self.ending.load(ordering: .relaxed) }

    /// Wakes a `wait(for: .signal)`, now or the next one. From any thread; several before the session
    /// looks are one.
    public func signal() {
        guard !self.posted.exchange(true, ordering: .acquiringAndReleasing) else { return }
        self.loop.execute {
            self.posted.store(false, ordering: .releasing)
            self.signalled = true
            if let waiter = self.waiter, waiter.events.contains(.signal) {
                self.signalled = false
                self.wake(.signal)
            }
        }
    }

    /// Asks the session to end: `readMore` then throws `.shutdown` and `wait` answers it. From any thread.
    public func requestShutdown(_ reason: ShutdownReason) {
        self.loop.execute {
            guard self.shutdownReason == nil else { return }
            self.shutdownReason = reason
            self.tellEnd()
            if let waiter = self.waiter, waiter.events.contains(.shutdown) { self.wake(.shutdown) }
        }
    }

    /// Breaks the connection for one that has just come, unless its user has logged in by now. From any thread.
    func makeRoom() {
        self.loop.execute {
            guard self.isWaitingForLogin else { return }
            _ = self.abort(ConnectionError(.closed, "No login, and the place was needed for another connection"))
        }
    }

    /// Breaks the connection without a last word. From any thread.
    public func disconnect() {
        self.loop.execute { _ = self.abort(ConnectionError(.closed, "Disconnected by the server")) }
    }
}
