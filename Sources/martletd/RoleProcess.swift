import CLinux
import Glibc
import ServerCore

/// One role as the supervisor sees it: its process, its control socket, its log.
struct RoleProcess {
    enum Kind: String, CaseIterable {
        // In the order in which they are started; the mail role ends first.
        case auth
        case submit
        case mail
    }

    /// A process that was started and not yet collected.
    struct Running {
        let pid: pid_t
        let control: CInt
        let log: CInt
        let startedAt: Int64
        var outbox: [UInt8]
        var splitter = RoleMessageSplitter()
        var relay: LogRelay
        var isReady = false
        /// The process has closed its log: nothing more comes.
        var logEnded = false
        var controlEnded = false
        /// It did not end when it was told to.
        var isKilled = false
    }

    /// A call by which a role was to start, and errno's number of why it failed.
    struct Refusal: Error, Equatable {
        let call: String
        let code: CInt

        var text: String { "\(self.call): \(String(cString: strerror(self.code)))" }
    }

    let kind: Kind
    var running: Running?
    /// When to start it next, in milliseconds of the monotonic clock.
    var nextStart: Int64 = 0
    /// Deaths soon after a start, in a row.
    private var quickDeaths = 0
    /// A process of it has been ready at least once.
    private(set) var wasReady = false

    init(_ kind: Kind) { self.kind = kind }

    /// Starts the process with its sockets and queues its first message.
    mutating func start(
        user: RoleUser?, sockets: [RoleStart.Socket], payload: RoleStart, output: LogOutput, now: Int64
    ) throws(Refusal) {
        var payload = payload
        var controlEnds: [CInt] = [-1, -1]
        var logEnds: [CInt] = [-1, -1]
        var refusal: Refusal?
        let stream = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        if socketpair(AF_UNIX, stream, 0, &controlEnds) != 0 {
            refusal = Refusal(call: "socketpair", code: errno)
        } else if martlet_pipe2(&logEnds, O_CLOEXEC) != 0 {
            refusal = Refusal(call: "pipe2", code: errno)
        }
        let control = Self.raise(controlEnds[0], &refusal)
        let theirControl = Self.raise(controlEnds[1], &refusal)
        let log = Self.raise(logEnds[0], &refusal)
        let theirLog = Self.raise(logEnds[1], &refusal)
        if let refusal {
            for descriptor in [control, theirControl, log, theirLog] where descriptor >= 0 { close(descriptor) }
            throw refusal
        }
        _ = fcntl(control, F_SETFL, O_NONBLOCK)
        _ = fcntl(log, F_SETFL, O_NONBLOCK)
        defer {
            close(theirControl)
            close(theirLog)
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, theirLog, 1)
        posix_spawn_file_actions_adddup2(&actions, theirLog, 2)
        posix_spawn_file_actions_adddup2(&actions, theirControl, RoleControl.descriptor)
        var next = RoleControl.descriptor + 1
        for var socket in sockets {
            posix_spawn_file_actions_adddup2(&actions, socket.descriptor, next)
            socket.descriptor = next
            payload.sockets.append(socket)
            next += 1
        }
        var arguments = ["martletd", "--role=\(self.kind.rawValue)"]
        if let user { arguments.append("--user=\(user.argument)") }
        let pid: pid_t
        do throws(Refusal) {
            pid = try Self.spawn(arguments, &actions)
        } catch {
            close(control)
            close(log)
            throw error
        }
        self.running = Running(
            pid: pid, control: control, log: log, startedAt: now, outbox: RoleMessage.start(payload).encode(),
            relay: LogRelay(label: self.kind.rawValue, output: output))
    }

    /// Starts this program itself with other arguments, unless another one is named.
    static func spawn(
        _ arguments: [String], _ actions: inout posix_spawn_file_actions_t, program: String = "/proc/self/exe"
    ) throws(Refusal) -> pid_t {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF))
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        pointers.append(nil)
        var pid = pid_t()
        // It does not set errno.
        let code = posix_spawn(&pid, program, &actions, &attributes, pointers, environ)
        guard code == 0 else { throw Refusal(call: "posix_spawn", code: code) }
        return pid
    }

    /// The descriptor above those that a role is given; -1 when there is none, or no room.
    private static func raise(_ descriptor: CInt, _ refusal: inout Refusal?) -> CInt {
        guard descriptor >= 0 else { return -1 }
        let raised = fcntl(descriptor, F_DUPFD_CLOEXEC, BoundSockets.lowestDescriptor)
        if raised < 0 { refusal = refusal ?? Refusal(call: "fcntl", code: errno) }
        close(descriptor)
        return raised
    }

    // MARK: talk

    mutating func send(_ message: RoleMessage) {
        self.running?.outbox.append(contentsOf: message.encode())
        self.flush()
    }

    /// Writes what the socket takes.
    mutating func flush() {
        guard var running = self.running, !running.outbox.isEmpty else { return }
        while !running.outbox.isEmpty {
            let count = Glibc.send(running.control, running.outbox, running.outbox.count, CInt(MSG_NOSIGNAL))
            guard count > 0 else { break }
            running.outbox.removeFirst(count)
        }
        self.running = running
    }

    /// Reads and relays log lines.
    mutating func readLog() {
        guard var running = self.running else { return }
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = read(running.log, &buffer, buffer.count)
            if count > 0 {
                buffer.withUnsafeBytes {
                    running.relay.received(UnsafeRawBufferPointer(rebasing: $0[..<count]))
                }
                if count == buffer.count { continue }
            } else if count == 0 {
                running.logEnded = true
            }
            break
        }
        self.running = running
    }

    /// Reads what came from the role: that it serves.
    mutating func readControl() {
        guard var running = self.running else { return }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(running.control, &buffer, buffer.count, 0)
        if count > 0 {
            running.splitter.feed(buffer[..<count])
        } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
            running.controlEnded = true
        }
        loop: while true {
            switch running.splitter.next() {
            case .message(let message):
                if message == .ready { running.isReady = true }
            case .needMore: break loop
            case .malformed:
                running.controlEnded = true
                break loop
            }
        }
        if running.isReady { self.wasReady = true }
        self.running = running
    }

    /// The process is gone: takes its last words, and says when the next one may start. At once as a rule;
    /// later and later when it dies again and again within a second, up to a second.
    mutating func collected(now: Int64) {
        self.readLog()
        guard var running = self.running else { return }
        running.relay.finish()
        close(running.control)
        close(running.log)
        self.quickDeaths = now - running.startedAt < 1000 ? self.quickDeaths + 1 : 0
        self.running = nil
        let delay: Int64 = self.quickDeaths < 3 ? 0 : min(1000, 100 << Int64(min(self.quickDeaths - 3, 4)))
        self.nextStart = now + delay
    }
}
