import CLinux
import Glibc
import SASLCore
import Synchronization

/// The thread of an `AuthService`: sockets, timers, results. Everything in it belongs to that thread.
final class AuthServiceLoop {
    private static let maximumClients = 1000
    /// Room for the mail role when MTAs hold all of the above.
    private static let maximumConnections = 1100

    enum Timer {
        case begin(serial: UInt64)
        case release(serial: UInt64)
        case refuse(serial: UInt64)
    }

    let log: @Sendable (AuthLogLevel, String) -> Void
    let mailbox: AuthServiceMailbox
    var verifier: Verifier
    var configuration: AuthConfiguration { self.verifier.configuration }
    var connections: [UInt64: AuthConnection] = [:]
    var attempts: [UInt64: AuthAttempt] = [:]
    /// Open attempts of each address that has any (`PenaltyTable.key`).
    var openByAddress: [[UInt8]: Int] = [:]
    /// Open attempts of one address at most: what a network of users behind it needs, and far from all there is room for.
    static let maximumOpenByAddress = 2000
    var timers = DeadlineQueue<Timer>()
    var penalties = PenaltyTable()
    var workers = PAMWorkerSet()
    let pool: ThreadPool
    var now = Ticks.now
    private let listeners: [AuthListener]
    private let wakePipe: WakePipe
    private var lastConnection: UInt64 = 0
    private var lastSerial: UInt64 = 0
    private var nextTick = Ticks.now
    /// Until then no connections are taken: the process has no descriptor for one.
    private var acceptsAgain = Ticks.now

    init(
        listeners: [AuthListener], mailbox: AuthServiceMailbox, wakePipe: WakePipe,
        log: @escaping @Sendable (AuthLogLevel, String) -> Void
    ) {
        self.listeners = listeners
        self.mailbox = mailbox
        self.wakePipe = wakePipe
        self.log = log
        let first =
            mailbox.state.withLock { $0.configuration.take() }
            ?? AuthConfiguration(passwordDatabases: [], userDatabases: [])
        self.verifier = Verifier(configuration: first, log: log)
        self.pool = ThreadPool(threads: first.poolThreads, queue: 1000)
    }

    func newSerial() -> UInt64 {
        self.lastSerial += 1
        return self.lastSerial
    }

    func run() {
        for listener in self.listeners {
            _ = fcntl(listener.descriptor, F_SETFL, fcntl(listener.descriptor, F_GETFL, 0) | O_NONBLOCK)
        }
        while true {
            let (configuration, isStopped, completions) = self.mailbox.state.withLock { state in
                defer { state.completions = [] }
                return (state.configuration.take(), state.isStopped, state.completions)
            }
            if isStopped { break }
            if let configuration { self.verifier = Verifier(configuration: configuration, log: self.log) }
            self.now = Ticks.now
            for completion in completions { self.complete(completion) }
            while let timer = self.timers.popFirst(until: self.now) { self.fire(timer) }
            if self.nextTick <= self.now {
                self.tick()
                self.nextTick = self.now + 1000
            }
            self.wait()
        }
        for number in Array(self.connections.keys) { self.drop(number) }
        self.workers.stop()
        self.pool.stop()
    }

    private func wait() {
        var events = [pollfd(fd: self.wakePipe.readEnd, events: Int16(POLLIN), revents: 0)]
        for listener in self.listeners {
            let limit = listener.kind == .mail ? Self.maximumConnections : Self.maximumClients
            let isOpen = self.connections.count < limit && self.acceptsAgain <= self.now
            events.append(
                pollfd(fd: isOpen ? listener.descriptor : -1, events: Int16(POLLIN), revents: 0))
        }
        let workers = self.workers.descriptors
        for descriptor in workers { events.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)) }
        let firstConnection = events.count
        let numbers = Array(self.connections.keys)
        for number in numbers {
            guard let connection = self.connections[number] else { continue }
            let wanted = Int16(POLLIN) | (connection.outbox.isEmpty ? 0 : Int16(POLLOUT))
            events.append(pollfd(fd: connection.descriptor, events: wanted, revents: 0))
        }
        var timeout: CInt = self.attempts.isEmpty && !self.workers.needsTicks ? -1 : 1000
        if let first = self.timers.first { timeout = min(first.timeout(from: self.now), 1000) }
        if self.acceptsAgain > self.now {
            let pause = self.acceptsAgain.timeout(from: self.now)
            timeout = timeout < 0 ? pause : min(timeout, pause)
        }
        guard poll(&events, nfds_t(events.count), timeout) > 0 else { return }
        self.now = Ticks.now
        if events[0].revents != 0 { self.wakePipe.drain() }
        for (index, listener) in self.listeners.enumerated() where events[index + 1].revents != 0 {
            self.accept(listener)
        }
        for (index, descriptor) in workers.enumerated()
        where events[1 + self.listeners.count + index].revents != 0 {
            self.take(self.workers.readable(descriptor, self.configuration))
        }
        for (index, number) in numbers.enumerated() {
            let happened = events[firstConnection + index].revents
            if happened & Int16(POLLOUT) != 0, self.connections[number]?.flush() == false {
                self.drop(number)
            }
            if happened & ~Int16(POLLOUT) != 0 { self.read(number) }
        }
    }

    private func accept(_ listener: AuthListener) {
        let flags = CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
        let fd = martlet_accept4(listener.descriptor, flags)
        guard fd >= 0 else {
            switch errno {
            case EAGAIN, EINTR, ECONNABORTED: break
            default:
                self.log(.error, "auth: accept: \(String(cString: strerror(errno)))")
                // The connection stays in the queue, so that asking again at once would go on without end.
                self.acceptsAgain = self.now + 500
            }
            return
        }
        self.lastConnection += 1
        let number = self.lastConnection
        self.connections[number] = AuthConnection(descriptor: fd, kind: listener.kind)
        // An MTA of protocol version 1.2 cannot tell the channel's data.
        let mechanisms = self.configuration.mechanisms.mechanisms.filter {
            listener.kind == .mail || !$0.properties.contains(.channelBinding)
        }.map { (name: $0.name.text, properties: $0.properties.words) }
        self.send(
            number,
            AuthConnection.greeting(kind: listener.kind, mechanisms: mechanisms, number: number))
    }

    private func read(_ number: UInt64) {
        guard let descriptor = self.connections[number]?.descriptor else { return }
        withUnsafeTemporaryAllocation(byteCount: 16384, alignment: 1) { buffer in
            let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count < 0, errno == EAGAIN || errno == EINTR { return }
            guard count > 0, var splitter = self.connections[number]?.splitter else {
                return self.drop(number)
            }
            var lines: [AuthLine] = []
            let fits = splitter.feed(UnsafeRawBufferPointer(rebasing: buffer[..<count])) {
                lines.append(AuthLine($0))
            }
            self.connections[number]?.splitter = splitter
            for line in lines {
                if let complaint = self.received(line, from: number) {
                    self.log(.warning, "auth: client closed: \(complaint)")
                    return self.drop(number)
                }
            }
            if !fits {
                self.log(.warning, "auth: client closed: line longer than \(AuthLine.maximumLength) octets")
                self.drop(number)
            }
        }
    }

    /// Sends to a connection if it still exists.
    func send(_ number: UInt64, _ bytes: [UInt8]) {
        if self.connections[number]?.send(bytes) == false { self.drop(number) }
    }

    private func drop(_ number: UInt64) {
        guard let connection = self.connections.removeValue(forKey: number) else { return }
        close(connection.descriptor)
        for serial in connection.open.values {
            self.abandon(serial)
        }
    }

    private func complete(_ completion: AuthCompletion) {
        switch completion {
        case .verified(let serial, let check, let step): self.step(serial, check, step)
        case .keys(let serial, let lookup): self.received(lookup, serial)
        case .token(let serial, let token, let check): self.received(token, check, serial)
        case .resolved(let serial, let lookup): self.resolved(serial, lookup)
        case .reply(let connection, let bytes): self.send(connection, bytes)
        }
    }

    private func fire(_ timer: Timer) {
        switch timer {
        case .begin(let serial): self.begin(serial)
        case .refuse(let serial): self.refuse(serial)
        case .release(let serial):
            guard let attempt = self.attempts[serial], case .held(let reply) = attempt.phase else { return }
            self.end(serial, reply)
        }
    }

    private func tick() {
        self.take(self.workers.tick(self.now, self.configuration))
        for (serial, attempt) in self.attempts {
            switch attempt.phase {
            case .awaitingClient(let deadline), .finishing(_, let deadline):
                guard deadline <= self.now else { continue }
                self.noteGivenUp(attempt)
                self.fail(serial, AuthenticationFailure(.cancelled, message: "Timed out"))
            case .penalised, .verifying, .derivingKeys, .checkingToken, .accepted, .heldRefusal, .held, .moving: break
            }
        }
    }

    /// Hands PAM's answers to the attempts that wait for them.
    func take(_ answers: [(UInt64, PAMAnswer)]) {
        for (serial, answer) in answers {
            guard let attempt = self.attempts[serial], case .verifying(var check, let service) = attempt.phase
            else { continue }
            let step = attempt.verifier.advance(&check, answer: answer, service: service)
            if case .refused(.temporary, let text) = answer { self.log(.error, "auth: pam: \(text)") }
            self.step(serial, check, step)
        }
    }
}

extension SASLProperties {
    /// The properties in the words of a MECH line.
    var words: [String] {
        let all: [(SASLProperties, String)] = [
            (.anonymous, "anonymous"), (.plaintext, "plaintext"), (.dictionary, "dictionary"),
            (.active, "active"), (.forwardSecrecy, "forward-secrecy"),
            (.mutualAuthentication, "mutual-auth"), (.channelBinding, "channel-binding"),
        ]
        return all.filter { self.contains($0.0) }.map(\.1)
    }
}
