/// The listeners as they come to be while `service` blocks are read.
struct ListenerTable: Sendable {
    struct Inet {
        var service: ListeningService
        var name: String
        var place = InetPlace()
        var source: SourcePlace?
    }

    struct Unix {
        var service: ListeningService
        var name: String
        var place = UnixPlace()
        var source: SourcePlace?
    }

    var inet: [Inet] = []
    var unix: [Unix] = []

    /// What listens without a word in the files.
    init() {
        for (service, name, port, isTLS) in [
            (.imap, "imap", 143, false), (.imap, "imaps", 993, true),
            (.pop3, "pop3", 110, false), (.pop3, "pop3s", 995, true), (.sieve, "sieve", 4190, false),
        ] as [(ListeningService, String, Int, Bool)] {
            var listener = Inet(service: service, name: name)
            listener.place.port = port
            listener.place.isTLS = isTLS
            self.inet.append(listener)
        }
        var lmtp = Unix(service: .lmtp, name: "lmtp")
        lmtp.place.path = "lmtp"
        lmtp.place.mode = 0o666
        self.unix.append(lmtp)
    }
}

extension Resolver {
    private static let services: [String: ListeningService] = [
        "imap": .imap, "imap-login": .imap, "pop3": .pop3, "pop3-login": .pop3, "lmtp": .lmtp, "auth": .auth,
        "managesieve": .sieve, "managesieve-login": .sieve,
        "quota-status": .quotaStatus,
    ]

    mutating func service(_ name: String, _ inner: [Statement], at place: SourcePlace) {
        guard let service = Self.services[name] else {
            let near = Spelling.nearest(to: name, among: Self.services.keys.sorted())
            let hint =
                name == "quota-warning"
                ? "quota_warning_execute names a program, without a service; remove it"
                : name.hasSuffix("-postlogin") || name.hasSuffix("-post-login")
                    ? "no script runs after a login in this release; remove it"
                    : near.map { "did you mean \($0)?" }
                        ?? "services are imap, pop3, lmtp, managesieve, auth and quota-status; remove it"
            return self.out.error(place, "service \(name) is unknown; \(hint)")
        }
        for statement in inner {
            switch statement.content {
            case .assignment(let value):
                guard statement.name == "client_limit",
                    let mailProtocol = service.mailProtocol
                else {
                    if statement.name == "client_limit" {
                        self.out.warn(
                            statement.place,
                            "client_limit: only imap, pop3, lmtp and managesieve have one; remove it from service \(name)"
                        )
                        continue
                    }
                    if ["user", "group", "extra_groups", "privileged_group"].contains(statement.name) {
                        self.out.error(
                            statement.place,
                            "\(statement.name) in service \(name): roles run as mail_uid and default_internal_user; remove it"
                        )
                        continue
                    }
                    let known = ["client_limit", "inet_listener", "unix_listener"]
                    self.out.unknown(
                        statement.name, at: statement.place, among: known, block: "service \(name)")
                    continue
                }
                var limits = Settings()
                self.out.assign(
                    "default_client_limit", value, at: statement.place, to: &limits, rows: Schema.all,
                    block: "service \(name)")
                self.settings.limits.serviceClientLimits[mailProtocol] = limits.limits.clientLimit
            case .block(let listener, let settings):
                switch statement.name {
                case "inet_listener": self.inetListener(listener, of: service, settings, at: statement.place)
                case "unix_listener": self.unixListener(listener, of: service, settings, at: statement.place)
                default:
                    self.out.unknown(
                        statement.name, at: statement.place, among: ["inet_listener", "unix_listener"],
                        block: "service \(name)", isBlock: .block)
                }
            }
        }
    }

    private mutating func inetListener(
        _ name: String, of service: ListeningService, _ inner: [Statement], at place: SourcePlace
    ) {
        let known = self.listeners.inet.firstIndex { $0.service == service && $0.name == name }
        var listener = known.map { self.listeners.inet[$0] } ?? .init(service: service, name: name)
        listener.source = place
        for statement in inner {
            if case .assignment(let value) = statement.content {
                self.out.assign(
                    statement.name, value, at: statement.place, to: &listener.place,
                    rows: Schema.inetListener,
                    block: "inet_listener \(name)\n\(self.blockCount)")
            } else {
                self.out.unknown(
                    statement.name, at: statement.place, among: Schema.inetListener.map(\.name),
                    block: "inet_listener \(name)", isBlock: .block)
            }
        }
        if let known {
            self.listeners.inet[known] = listener
        } else {
            if listener.place.port == 0, !inner.contains(where: { $0.name == "port" }) {
                self.out.error(place, "inet_listener \(name) has no port; write port = NUMBER")
            }
            self.listeners.inet.append(listener)
        }
    }

    private mutating func unixListener(
        _ name: String, of service: ListeningService, _ inner: [Statement], at place: SourcePlace
    ) {
        // Sockets between Dovecot's own processes.
        if service == .auth,
            ["auth-userdb", "auth-master", "auth-client", "login", "auth-login"].contains(name)
        {
            return self.out.warn(place, "unix_listener \(name): nothing needs this socket here; remove it")
        }
        if service == .imap || service == .pop3 || service == .sieve {
            return self.out.error(place, "unix_listener: \(service.rawValue) listens on inet_listener only")
        }
        let known = self.listeners.unix.firstIndex { $0.service == service && $0.name == name }
        var listener = known.map { self.listeners.unix[$0] } ?? .init(service: service, name: name)
        listener.source = place
        listener.place.path = name
        for statement in inner {
            switch statement.content {
            case .assignment(let value):
                if statement.name == "path" {
                    listener.place.path = value.text
                } else {
                    self.out.assign(
                        statement.name, value, at: statement.place, to: &listener.place,
                        rows: Schema.unixListener,
                        block: "unix_listener \(name)\n\(self.blockCount)")
                }
            case .block:
                self.out.unknown(
                    statement.name, at: statement.place, among: Schema.unixListener.map(\.name),
                    block: "unix_listener \(name)", isBlock: .block)
            }
        }
        if let known {
            self.listeners.unix[known] = listener
        } else {
            self.listeners.unix.append(listener)
        }
    }

    /// What listens after everything was read, in the order of services.
    mutating func finishListeners(at place: SourcePlace) {
        let services = self.settings.general.protocols.map(\.service.rawValue) + ["auth", "quota-status"]
        var ports: [(port: Int, address: String, name: String)] = []
        for service in ListeningService.allCases where services.contains(service.rawValue) {
            for listener in self.listeners.inet where listener.service == service && listener.place.port != 0 {
                let source = listener.source ?? place
                var inet = listener.place
                if inet.isTLS, self.settings.tls.mode == .no {
                    // The built-in ports for TLS go away quietly; one that was asked for does not.
                    if listener.source != nil {
                        self.out.warn(source, "\(listener.name) needs TLS and ssl = no; it does not listen")
                    }
                    continue
                }
                if inet.isProxied { self.checkProxies(of: listener, at: source) }
                if inet.addresses.isEmpty { inet.addresses = self.settings.general.listen }
                var others: Set<String> = []
                for address in inet.addresses {
                    if let other = ports.first(where: { $0.port == inet.port && $0.address == address }),
                        others.insert(other.name).inserted
                    {
                        self.out.error(
                            source, "\(listener.name): \(other.name) listens on port \(inet.port) already")
                    }
                    ports.append((inet.port, address, listener.name))
                }
                self.settings.listeners.append(
                    ListenerSettings(service: service, name: listener.name, place: .inet(inet)))
            }
            for listener in self.listeners.unix where listener.service == service && listener.place.mode != 0 {
                var unix = listener.place
                unix.path = ConfigurationFiles.absolute(unix.path, in: self.settings.general.baseDirectory)
                if unix.path.utf8.count > 107 {
                    self.out.error(
                        listener.source ?? place,
                        "\(unix.path) is longer than the 107 octets that the system allows for a socket")
                }
                self.settings.listeners.append(
                    ListenerSettings(service: service, name: listener.name, place: .unix(unix)))
            }
        }
    }

    private mutating func checkProxies(of listener: ListenerTable.Inet, at place: SourcePlace) {
        if !listener.service.mayBeProxied {
            self.out.error(
                place, "\(listener.name): haproxy is for imap, pop3, lmtp and managesieve only; remove it")
        } else if self.settings.limits.proxyTimeout == .zero {
            self.out.error(place, "\(listener.name): haproxy = yes needs a haproxy_timeout; write one such as 3 s")
        } else if self.settings.limits.proxyNetworks.isEmpty, !self.out.hasError(about: "haproxy_trusted_networks") {
            self.out.error(
                place,
                "\(listener.name): haproxy = yes, and no proxy may connect; write haproxy_trusted_networks = ADDRESS ..."
            )
        }
    }

    /// Checks that concern more than one setting, and what follows from several.
    mutating func finish(at place: SourcePlace, hadErrors: Bool) {
        self.finishNamespaces(at: place)
        self.finishQuota()
        self.finishVolumes(at: place)
        self.finishEvents(at: place)
        self.finishListeners(at: place)
        self.finishTokens(at: place)
        if !self.settings.sieve.scripts.contains(where: { $0.type == .personal }) {
            self.settings.sieve.scripts.append(SieveScriptSettings(name: "personal"))
        }
        if !self.defaultScriptName.isEmpty,
            let index = self.settings.sieve.scripts.firstIndex(where: { $0.type == .default })
        {
            self.settings.sieve.scripts[index].scriptName = self.defaultScriptName
        }
        // What is missing may well stand in the lines with mistakes.
        if !hadErrors { self.finishCertificates(at: place) }
        guard self.out.errorCount == 0, !hadErrors else { return }
        self.finishUsers()
        if self.settings.passdbs.allSatisfy(\.isDenyList),
            !self.settings.auth.mechanisms.contains(where: \.takesTokens),
            self.settings.general.protocols.contains(where: { $0 != .lmtp })
        {
            self.out.warn(
                place, "no passdb: nobody can log in; write passdb pam { } or passdb passwd-file { }")
        }
        if self.settings.userdbs.isEmpty {
            self.out.warn(
                place, "no userdb: no user has a home; write userdb passwd { } or userdb passwd-file { }")
        }
    }
}
