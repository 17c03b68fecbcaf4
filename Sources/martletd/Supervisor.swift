import CLinux
import Glibc
import Logging
import ServerConfig
import ServerCore
import Threads
import Wiring

/// The parent of the roles: binds, reads configuration and keys, starts, restarts, reloads, stops. It serves
/// no network octet itself. One thread, one poll loop.
struct Supervisor {
    private enum Phase {
        case running
        /// Sessions of the mail role say goodbye; the time at which patience ends.
        case stoppingSessions(deadline: Int64)
        /// The roles that those needed end.
        case stoppingRest(deadline: Int64)
    }

    /// How long a role may take to end.
    private static let patience: Int64 = 30_000

    var configuration: Configuration
    let output: LogOutput
    let logger: Logger
    let users: RoleUsers
    let ticketKeys = TLSTicketKeys()
    var sockets: BoundSockets
    var roles = RoleProcess.Kind.allCases.map { RoleProcess($0) }
    var watch: CertificateWatch
    /// What is doubtful in the configuration.
    private var startWarnings: [String] = []
    private var phase = Phase.running
    private var status: CInt = 0
    private let signals: CInt
    /// Where `martlet reload` finds what came of it, and how many there were.
    private let answerPath: String
    private var reloads = 0

    /// The daemon's whole life. Ends the process.
    static func run(configurationPath path: String) -> Never {
        // What a careless parent left open must not reach the roles.
        martlet_close_others_on_exec()
        Self.raiseDescriptorLimit()
        // A crash report takes the runtime a third of a second and more, in which nobody is served, and shows
        // memory that may hold passwords. Whoever wants one sets the variable.
        setenv("SWIFT_BACKTRACE", "enable=no", 0)
        guard let signals = Signals.openPipe([SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD]) else {
            Complaint.write("martletd: no descriptors left")
            exit(71)
        }
        Signals.pass(SIGPIPE)
        let loaded = Configuration.load(path: path)
        for diagnostic in loaded.diagnostics { Complaint.write("\(diagnostic)") }
        guard let configuration = loaded.configuration else { exit(78) }  // EX_CONFIG
        let settings = configuration.settings
        do throws(StartFailure) {
            let users = try RoleUsers(settings)
            try Directories.prepare(settings, mailUser: users.mail)
            let pidFile = try PIDFile(settings.general.baseDirectory + "/master.pid")
            try Self.checkTLS(settings)
            let sockets: BoundSockets
            do throws(BoundSockets.Failure) {
                sockets = try BoundSockets(settings, mailUser: users.mail)
            } catch {
                pidFile.remove()
                throw StartFailure(error.text, status: error.status)
            }
            let output = LogOutput(settings.logging.destinations, minimum: settings.logging.minimumLevel)
            var supervisor = Supervisor(configuration, output, users, sockets, signals)
            // What a daemon that was killed has left could be of the same process number.
            unlink(supervisor.answerPath)
            supervisor.startWarnings = loaded.diagnostics.map(\.description)
            let status = supervisor.loop()
            supervisor.sockets.close()
            unlink(supervisor.answerPath)
            pidFile.remove()
            output.flush()
            exit(status)
        } catch {
            Complaint.write("martletd: \(error.text)")
            exit(error.status)
        }
    }

    private init(
        _ configuration: Configuration, _ output: LogOutput, _ users: RoleUsers, _ sockets: BoundSockets,
        _ signals: CInt
    ) {
        self.configuration = configuration
        self.output = output
        self.logger = output.logger("master")
        self.users = users
        self.sockets = sockets
        self.signals = signals
        self.answerPath = ReloadAnswer.path(baseDirectory: configuration.settings.general.baseDirectory)
        self.watch = CertificateWatch(configuration.settings, now: SteadyClock.milliseconds())
    }

    /// Certificates that cannot be used stop the start here, with the file's name, not in a role later.
    private static func checkTLS(_ settings: Settings) throws(StartFailure) {
        do throws(TLSError) {
            _ = try settings.tls.makeContext(ticketKeys: TLSTicketKeys())
        } catch {
            throw StartFailure(error.description, status: 78)
        }
    }

    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = min(limit.rlim_max, 1 << 20)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    // MARK: the loop

    private mutating func loop() -> CInt {
        self.logger.info("Martlet \(Release.version) starting up for \(self.protocolsText)")
        for warning in self.startWarnings + self.sockets.warnings + self.users.warnings {
            self.logger.warning("\(warning)")
        }
        while true {
            let now = SteadyClock.milliseconds()
            if let status = self.advance(now) { return status }
            self.wait(self.timeout(now))
        }
    }

    /// Starts what is due, goes on with a stop; the exit status when all is over.
    private mutating func advance(_ now: Int64) -> CInt? {
        switch self.phase {
        case .running:
            for index in self.roles.indices
            where self.roles[index].running == nil && self.roles[index].nextStart <= now {
                self.startRole(index, now)
            }
        case .stoppingSessions(let deadline):
            guard self.isOver([.mail], deadline, now) else { return nil }
            for index in self.roles.indices { self.roles[index].send(.stop) }
            self.phase = .stoppingRest(deadline: now + Self.patience)
            return self.advance(now)
        case .stoppingRest(let deadline):
            guard self.isOver(RoleProcess.Kind.allCases, deadline, now) else { return nil }
            self.logger.info("Stopped")
            return self.status
        }
        return nil
    }

    /// Whether none of these roles runs any more; kills them when patience has ended.
    private mutating func isOver(_ kinds: [RoleProcess.Kind], _ deadline: Int64, _ now: Int64) -> Bool {
        var isOver = true
        for index in self.roles.indices where kinds.contains(self.roles[index].kind) {
            guard let running = self.roles[index].running else { continue }
            isOver = false
            guard now >= deadline, !running.isKilled else { continue }
            self.logger.error("\(self.roles[index].kind.rawValue): Role does not end; killing it")
            kill(running.pid, SIGKILL)
            self.roles[index].running?.isKilled = true
        }
        return isOver
    }

    private mutating func startRole(_ index: Int, _ now: Int64) {
        let kind = self.roles[index].kind
        do throws(RoleProcess.Refusal) {
            try self.roles[index].start(
                user: self.users.user(of: kind),
                sockets: self.sockets.sockets.filter { $0.service.role == kind }, payload: self.payload(),
                output: self.output, now: now)
        } catch {
            self.logger.error("\(kind.rawValue): Cannot start the role: \(error.text)")
            self.roles[index].nextStart = now + 1000
        }
    }

    private func payload() -> RoleStart {
        var start = RoleStart()
        let (secret, epoch) = self.ticketKeys.export()
        start.ticketSecret = secret
        start.ticketEpoch = epoch
        start.configuration = self.configuration.serialize()
        return start
    }

    private func timeout(_ now: Int64) -> CInt {
        var next: Int64
        switch self.phase {
        case .running:
            next = self.watch.nextLook
            for role in self.roles where role.running == nil { next = min(next, role.nextStart) }
        case .stoppingSessions(let deadline), .stoppingRest(let deadline):
            next = max(deadline, now + 100)
        }
        return CInt(clamping: max(0, next - now))
    }

    private mutating func wait(_ timeout: CInt) {
        var polled = [pollfd(fd: self.signals, events: Int16(POLLIN), revents: 0)]
        var owners: [(role: Int, isLog: Bool)] = []
        for index in self.roles.indices {
            guard let running = self.roles[index].running else { continue }
            if !running.logEnded {
                polled.append(pollfd(fd: running.log, events: Int16(POLLIN), revents: 0))
                owners.append((index, true))
            }
            if !running.controlEnded {
                let events = Int16(POLLIN) | (running.outbox.isEmpty ? 0 : Int16(POLLOUT))
                polled.append(pollfd(fd: running.control, events: events, revents: 0))
                owners.append((index, false))
            }
        }
        let ready = poll(&polled, nfds_t(polled.count), timeout)
        // Also when there is always something to read.
        if case .running = self.phase, self.watch.hasChanged(now: SteadyClock.milliseconds()) {
            self.logger.info("A certificate or key has changed")
            self.reload()
        }
        guard ready > 0 else { return }
        for (entry, owner) in zip(polled.dropFirst(), owners) where entry.revents != 0 {
            if owner.isLog {
                self.roles[owner.role].readLog()
                continue
            }
            if entry.revents & Int16(POLLOUT) != 0 { self.roles[owner.role].flush() }
            guard entry.revents & ~Int16(POLLOUT) != 0 else { continue }
            self.roles[owner.role].readControl()
        }
        if polled[0].revents != 0 { self.readSignals() }
    }

    private mutating func readSignals() {
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = read(self.signals, &buffer, buffer.count)
        for number in Set(buffer.prefix(max(0, count))) {
            switch CInt(number) {
            case SIGTERM, SIGINT: self.stop("by signal \(number)")
            case SIGHUP: self.reload()
            case SIGUSR1:
                self.output.reopen()
                self.logger.info("Log files opened anew")
            case SIGCHLD: self.collect()
            default: break
            }
        }
    }

    // MARK: events

    private mutating func collect() {
        var status: CInt = 0
        while true {
            let pid = waitpid(-1, &status, WNOHANG)
            guard pid > 0 else { return }
            guard let index = self.roles.firstIndex(where: { $0.running?.pid == pid }) else { continue }
            self.roles[index].collected(now: SteadyClock.milliseconds())
            guard case .running = self.phase else { continue }
            let role = self.roles[index]
            let wait = role.nextStart - SteadyClock.milliseconds()
            let when = wait > 0 ? "in \(wait) ms" : "at once"
            self.logger.error(
                "\(role.kind.rawValue): Role ended (\(Self.describe(status))); starting it again \(when)")
            // A role that says at its first start that it cannot serve will not be able to a second later.
            if !role.wasReady, status & 0x7F == 0, (status >> 8) & 0xFF == 78 {
                self.status = 78
                self.stop("since the \(role.kind.rawValue) role cannot start")
            }
        }
    }

    private static func describe(_ status: CInt) -> String {
        let signal = status & 0x7F
        return signal == 0 ? "exit status \((status >> 8) & 0xFF)" : "signal \(signal)"
    }

    private mutating func stop(_ why: String) {
        guard case .running = self.phase else { return }
        self.logger.info("Stopping, \(why)")
        for index in self.roles.indices where self.roles[index].kind == .mail {
            self.roles[index].send(.stop)
        }
        self.phase = .stoppingSessions(deadline: SteadyClock.milliseconds() + Self.patience)
    }

    private mutating func reload() {
        guard case .running = self.phase else { return }
        var lines: [String] = []
        let result = self.reload(&lines)
        self.reloads &+= 1
        let answer = ReloadAnswer(mark: "\(getpid()).\(self.reloads)", result: result, lines: lines)
        if !answer.write(to: self.answerPath) {
            self.logger.warning("Cannot write \(self.answerPath): \(String(cString: strerror(errno)))")
        }
    }

    /// - Parameter lines: what whoever asked for the reload is to know.
    private mutating func reload(_ lines: inout [String]) -> ReloadAnswer.Result {
        let loaded = Configuration.load(path: self.configuration.path)
        for diagnostic in loaded.diagnostics {
            self.logger.log(level: diagnostic.severity == .error ? .error : .warning, "\(diagnostic)")
            lines.append("\(diagnostic)")
        }
        guard let new = loaded.configuration else {
            self.logger.error("Configuration has mistakes; the old one stays in force")
            return .refused
        }
        do throws(TLSError) {
            _ = try new.settings.tls.makeContext(ticketKeys: self.ticketKeys)
        } catch {
            self.logger.error("\(error); the old configuration stays in force")
            lines.append("\(error)")
            return .refused
        }
        let waiting = new.awaitingRestart(since: self.configuration)
        if !waiting.isEmpty {
            let text = "Changed, and in force only after a restart of martletd: \(waiting.joined(separator: ", "))"
            self.logger.warning("\(text)")
            lines.append(text)
        }
        self.configuration = new
        self.watch = CertificateWatch(new.settings, now: SteadyClock.milliseconds())
        self.output.configure(new.settings.logging.destinations, minimum: new.settings.logging.minimumLevel)
        let payload = self.payload()
        for index in self.roles.indices { self.roles[index].send(.reload(payload)) }
        self.logger.info("Configuration reloaded")
        return .done
    }

    private var protocolsText: String {
        self.configuration.settings.general.protocols.map(\.rawValue).joined(separator: ", ")
    }
}

extension RoleStart.Socket.Service {
    /// Which role serves it.
    var role: RoleProcess.Kind {
        switch self {
        case .imap, .pop3, .lmtp, .sieve, .admin, .quotaStatus, .deliver: .mail
        case .auth, .authMail: .auth
        case .submit: .submit
        }
    }
}
