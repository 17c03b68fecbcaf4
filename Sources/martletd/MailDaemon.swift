import Accounts
import Authentication
import CLinux
import Delivery
import Glibc
import IMAPServer
import LMTPServer
import Logging
import MailStore
import NIOCore
import POP3Server
import ServerConfig
import ServerCore
import Threads
import Wiring

/// Everything that lives in the mail role, put together.
final class MailDaemon: Sendable {
    struct Failure: Error, CustomStringConvertible {
        let description: String
        let status: CInt
    }

    /// How long sessions may take to say goodbye.
    private static let patience: Duration = .seconds(10)

    private let output: LogOutput
    private let logger: Logger
    private let store: any MailStore
    private let authenticator: AuthClient
    private let registry = SessionRegistry()
    private let contexts: TLSContexts
    private let ticketKeys: TLSTicketKeys
    private let loops: ConnectionLoops
    private let services: MailServices
    private let listeners: [(RoleStart.Socket.Service, Listener)]
    private let waiting: WaitingLimit
    private let limits: [RoleStart.Socket.Service: ConnectionLimits]
    private let proxies: TrustedProxies
    private let quotaWarner: QuotaWarner
    private let autoExpunge: AutoExpunge
    private let events: MailboxEvents
    private let junkTrainer: JunkTrainer
    private let autoScrub: AutoScrub?
    private let outgoing: OutgoingRunner?
    /// What goes on beside the sessions; ended by `stop`.
    private let background: Task<Void, Never>

    /// Opens the store, which may replay what a crash left, and begins to serve.
    init(_ start: RoleStart, _ configuration: Configuration, _ output: LogOutput) async throws(Failure) {
        let settings = configuration.settings
        let logger = output.logger("mail")
        self.output = output
        self.logger = logger
        self.ticketKeys = TLSTicketKeys(secret: start.ticketSecret, epoch: start.ticketEpoch)
        do throws(TLSError) {
            self.contexts = TLSContexts(try settings.tls.makeContext(ticketKeys: self.ticketKeys))
        } catch {
            throw Failure(description: error.description, status: 78)
        }
        let quotaWarner = QuotaWarner(QuotaWarner.Options(settings, output.logger("quota")))
        self.quotaWarner = quotaWarner
        do throws(StoreError) {
            self.store = try MailStoreWiring.open(
                settings, logger: output.logger("store"), quotaCrossed: { quotaWarner.note($0) })
        } catch {
            throw Failure(
                description: "cannot open the store in \(settings.volumePaths): \(error)", status: 74)
        }
        let authLogger = output.logger("auth-client")
        self.authenticator = AuthClient(
            path: settings.general.baseDirectory + "/auth-mail",
            log: { level, text in authLogger.log(level: level.logging, "\(text)") })
        self.loops = ConnectionLoops()
        let junkTrainer = JunkTrainer(
            JunkTrainer.Options(configuration, output.logger("junk")),
            workers: configuration.settings(for: .imap).junk.concurrency)
        let events = MailboxEvents(
            MailboxEvents.Options(configuration) { output.logger($0) }, trainer: junkTrainer)
        self.junkTrainer = junkTrainer
        self.events = events
        self.services = MailServices(
            configuration, store: self.store, authenticator: self.authenticator, contexts: self.contexts,
            registry: self.registry, output: output, events: events)
        let proxies = TrustedProxies(settings.limits)
        self.proxies = proxies
        var listeners: [(RoleStart.Socket.Service, Listener)] = []
        let waiting = WaitingLimit(maximum: settings.limits.unauthenticatedAddressConnections)
        let descriptors = DescriptorLimit()
        var limits: [RoleStart.Socket.Service: ConnectionLimits] = [:]
        for socket in start.sockets {
            guard let service = self.services.service(for: socket.service) else { continue }
            let limit =
                limits[socket.service]
                ?? ConnectionLimits(
                    maximum: socket.service.mostConnections(settings.limits),
                    waiting: socket.service.hasLogin ? waiting : WaitingLimit(maximum: 0),
                    hasLogin: socket.service.hasLogin,
                    // Administrators and programs of this machine come in beside all others.
                    descriptors: socket.service.mailProtocol == nil ? DescriptorLimit(maximum: .max / 2) : descriptors)
            limits[socket.service] = limit
            do {
                let listener = try await Listener.start(
                    socket: socket.descriptor, options: Self.options(socket, configuration, proxies),
                    service: service, on: self.loops, contexts: self.contexts, limits: limit, registry: self.registry,
                    logger: output.logger("\(socket.service.logName)-login"))
                listeners.append((socket.service, listener))
            } catch {
                throw Failure(description: "\(socket.name): \(error)", status: 71)
            }
        }
        self.listeners = listeners
        self.waiting = waiting
        self.limits = limits
        let store = self.store
        let autoExpunge = AutoExpunge(store, settings, output.logger("mail"))
        self.autoExpunge = autoExpunge
        let autoScrub = AutoScrub(store, settings, output.logger("mail"))
        self.autoScrub = autoScrub
        let outgoing = OutgoingRunner(store, OutgoingRunner.Options(settings, output.logger("sieve")))
        self.outgoing = outgoing
        let services = self.services
        self.background = Task {
            await withTaskGroup { group in
                group.addTask { await outgoing?.run() }
                group.addTask { await quotaWarner.run(store) }
                group.addTask { await autoExpunge.run() }
                group.addTask { await events.run(store) { await services.resolve($0) } }
                group.addTask { await junkTrainer.run() }
                group.addTask { await autoScrub?.run { Int64(time(nil)) } }
            }
        }
        Self.giveBackMemory()
    }

    /// The allocator keeps what sessions freed: hands it to the system when it has become much.
    private static func giveBackMemory() {
        martlet_bound_unused_memory()
        Thread.forever("memory") {
            var unusedBefore = 0
            while true {
                sleep(10)
                let unused = martlet_unused_memory()
                if unused > unusedBefore + Self.worthTrimming {
                    martlet_trim_memory()
                    // What was given back still counts as unused, so only what is freed later counts from here.
                    unusedBefore = martlet_unused_memory()
                } else {
                    unusedBefore = min(unusedBefore, unused)
                }
            }
        }
    }

    /// Octets freed for which the walk through the allocator's lists is worth its time.
    private static let worthTrimming = 16 << 20

    private static func options(
        _ socket: RoleStart.Socket, _ configuration: Configuration, _ proxies: TrustedProxies
    ) -> ListenerOptions {
        var options = ListenerOptions(
            service: socket.service.rawValue, security: socket.isTLS ? .implicitTLS : .clear,
            applicationProtocol: socket.service.applicationProtocol)
        if socket.isProxied { options.proxies = proxies }
        options.connection = Self.connectionSettings(socket.service, configuration)
        return options
    }

    private static func connectionSettings(
        _ service: RoleStart.Socket.Service, _ configuration: Configuration
    ) -> ConnectionSettings {
        let limits = (service.mailProtocol.map { configuration.settings(for: $0) } ?? configuration.settings).limits
        var settings = ConnectionSettings()
        settings.loginTimeout = service.hasLogin ? limits.loginTimeout : nil
        settings.inactivityTimeout = limits.loginTimeout
        settings.outputHeld = max(16 * 1024, Int(clamping: limits.outputBufferSize))
        return settings
    }

    /// Puts other settings and certificates into force for sessions to come.
    func reload(_ configuration: Configuration) {
        let settings = configuration.settings
        self.output.configure(
            LogDestinations(.supervisor(2)), minimum: settings.logging.minimumLevel)
        do throws(TLSError) {
            self.contexts.replace(with: try settings.tls.makeContext(ticketKeys: self.ticketKeys))
        } catch {
            self.logger.error("\(error); the old certificates stay in force")
        }
        self.proxies.replace(settings.limits)
        self.waiting.replace(maximum: settings.limits.unauthenticatedAddressConnections)
        for (service, limit) in self.limits { limit.replace(maximum: service.mostConnections(settings.limits)) }
        for (service, listener) in self.listeners {
            listener.replace(Self.connectionSettings(service, configuration))
        }
        self.services.reload(configuration)
        self.quotaWarner.reload(QuotaWarner.Options(settings, self.output.logger("quota")))
        self.autoExpunge.reload(settings)
        self.autoScrub?.reload(settings)
        self.outgoing?.reload(OutgoingRunner.Options(settings, self.output.logger("sieve")))
        self.events.reload(MailboxEvents.Options(configuration) { self.output.logger($0) })
        self.junkTrainer.reload(JunkTrainer.Options(configuration, self.output.logger("junk")))
    }

    /// Waits a while for scripts and lessons that clients' last commands have set off.
    private func finishEvents() async {
        self.events.stop()
        let deadline = ContinuousClock.now + Self.patience
        while !self.events.isIdle, ContinuousClock.now < deadline { try? await Task.sleep(for: .milliseconds(20)) }
        self.events.interrupt()
        self.junkTrainer.stop()
        while !self.junkTrainer.isIdle, ContinuousClock.now < deadline {
            try? await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Ends: nothing new is accepted, sessions say goodbye, the store is closed.
    func stop() async {
        for (_, listener) in self.listeners { await listener.close() }
        self.registry.shutdown(.stopping)
        let registry = self.registry
        await withTaskGroup { group in
            group.addTask { await registry.waitUntilEmpty() }
            group.addTask {
                try? await Task.sleep(for: Self.patience)
                guard !Task.isCancelled else { return }
                registry.disconnectAll()
            }
            await group.next()
            group.cancelAll()
        }
        await self.finishEvents()
        self.quotaWarner.stop()
        self.background.cancel()
        await self.background.value
        await self.store.close()
        self.authenticator.stop()
    }
}

extension RoleStart.Socket.Service {
    var mailProtocol: MailProtocol? { MailProtocol(rawValue: self.rawValue) }

    /// As Dovecot calls it.
    var logName: String { self == .sieve ? "managesieve" : self.rawValue }

    var hasLogin: Bool { self == .imap || self == .pop3 || self == .sieve }

    /// Connections of a service at a time; 0: any number. Where there is no setting: every program of the machine may connect
    /// to the one for deliveries, and must not use up the descriptors of all others.
    func mostConnections(_ limits: LimitsSettings) -> Int {
        self.mailProtocol.map { limits.clientLimit(of: $0) } ?? (self == .deliver ? 512 : 0)
    }

    /// The name registered for ALPN; empty for none.
    var applicationProtocol: String {
        switch self {
        case .imap: "imap"
        case .pop3: "pop3"
        case .sieve: "managesieve"
        case .lmtp, .auth, .authMail, .admin, .submit, .quotaStatus, .deliver: ""
        }
    }
}
