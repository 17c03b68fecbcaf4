import Glibc
import ServerConfig

/// The sockets of the daemon: bound and listening before any role runs, and kept while roles come and go, so
/// that connections wait instead of being refused.
struct BoundSockets {
    struct Failure: Error {
        let text: String
        /// Of sysexits.h: EX_OSERR, or EX_CONFIG for what no other try will change.
        var status: CInt = 71
    }

    /// `descriptor` is the supervisor's own.
    private(set) var sockets: [RoleStart.Socket] = []
    /// Sentences for the log: addresses that this machine does not have.
    private(set) var warnings: [String] = []
    private var paths: [String] = []

    /// Descriptors of the supervisor lie above those that roles get, so that handing on cannot overwrite one.
    static let lowestDescriptor: CInt = 512

    private static let stream = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)

    /// Binds everything; on failure nothing stays bound.
    init(_ settings: Settings, mailUser: RoleUser?) throws(Failure) {
        do throws(Failure) {
            for listener in settings.listeners { try self.bind(listener) }
            let base = settings.general.baseDirectory
            var mail = UnixPlace()
            mail.path = base + "/auth-mail"
            mail.user = mailUser.map { String($0.uid) } ?? ""
            mail.group = mailUser.map { String($0.gid) } ?? ""
            try self.bindUnix(mail, service: .authMail, name: "auth-mail")
            var submit = mail
            submit.path = base + "/submit"
            try self.bindUnix(submit, service: .submit, name: "submit")
            // For root and the mail user, whose process answers there.
            var admin = mail
            admin.path = settings.adminSocketPath
            try self.bindUnix(admin, service: .admin, name: "admin")
            // For every user's programs: who they are decides for whom they bring mail.
            var deliver = UnixPlace()
            deliver.path = settings.deliverSocketPath
            deliver.mode = 0o666
            try self.bindUnix(deliver, service: .deliver, name: "deliver")
        } catch {
            self.close()
            throw error
        }
    }

    /// Closes all and takes the unix sockets out of the file system.
    mutating func close() {
        for socket in self.sockets { Glibc.close(socket.descriptor) }
        for path in self.paths { unlink(path) }
        self.sockets = []
        self.paths = []
    }

    private mutating func bind(_ listener: ListenerSettings) throws(Failure) {
        let service: RoleStart.Socket.Service =
            switch listener.service {
            case .imap: .imap
            case .pop3: .pop3
            case .lmtp: .lmtp
            case .sieve: .sieve
            case .auth: .auth
            case .quotaStatus: .quotaStatus
            }
        switch listener.place {
        case .unix(let place): try self.bindUnix(place, service: service, name: listener.name)
        case .inet(let place):
            for address in place.addresses {
                try self.bindInet(place, address: address, service: service, name: listener.name)
            }
        }
    }

    private mutating func bindInet(
        _ place: InetPlace, address: String, service: RoleStart.Socket.Service, name: String
    ) throws(Failure) {
        let shown = "\(name): \(address) port \(place.port)"
        let text = address == "*" ? "0.0.0.0" : address
        let isIPv6 = text.contains(":")
        var shortAddress = in_addr()
        var longAddress = in6_addr()
        let isAddress =
            isIPv6 ? inet_pton(AF_INET6, text, &longAddress) == 1 : inet_pton(AF_INET, text, &shortAddress) == 1
        // What is left of another text are zeros, which would be all addresses.
        guard isAddress else { throw Failure(text: "cannot listen on \(shown): this is no address") }
        let descriptor = socket(isIPv6 ? AF_INET6 : AF_INET, Self.stream, 0)
        if descriptor < 0, isIPv6, errno == EAFNOSUPPORT {
            self.warnings.append("\(shown): this machine has no IPv6; not listening there")
            return
        }
        guard descriptor >= 0 else { throw Self.failure(shown) }
        var on: CInt = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<CInt>.size))
        let result: CInt
        if isIPv6 {
            setsockopt(descriptor, CInt(IPPROTO_IPV6), IPV6_V6ONLY, &on, socklen_t(MemoryLayout<CInt>.size))
            var socketAddress = sockaddr_in6()
            socketAddress.sin6_family = sa_family_t(AF_INET6)
            socketAddress.sin6_port = UInt16(clamping: place.port).bigEndian
            socketAddress.sin6_addr = longAddress
            result = Self.bind(descriptor, &socketAddress)
        } else {
            var socketAddress = sockaddr_in()
            socketAddress.sin_family = sa_family_t(AF_INET)
            socketAddress.sin_port = UInt16(clamping: place.port).bigEndian
            socketAddress.sin_addr = shortAddress
            result = Self.bind(descriptor, &socketAddress)
        }
        if result != 0, isIPv6, errno == EADDRNOTAVAIL, text == "::" {
            Glibc.close(descriptor)
            self.warnings.append("\(shown): this machine has no IPv6; not listening there")
            return
        }
        guard result == 0, listen(descriptor, 4096) == 0 else {
            let failure = Self.failure(shown)
            Glibc.close(descriptor)
            throw failure
        }
        try self.add(descriptor, service, name, place, .inet)
    }

    private mutating func bindUnix(
        _ place: UnixPlace, service: RoleStart.Socket.Service, name: String
    ) throws(Failure) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let path = [UInt8](place.path.utf8)
        guard path.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw Failure(
                text: "\(place.path): the path of a socket may not have \(path.count) octets", status: 78)
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        // A socket that an earlier run left. Anything else there is not ours to remove.
        var status = stat()
        if lstat(place.path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK { unlink(place.path) }
        let descriptor = socket(AF_UNIX, Self.stream, 0)
        guard descriptor >= 0 else { throw Self.failure(place.path) }
        // Made with its mode, and given away without following links: the directory may be another user's, who could
        // put something else in the socket's place. Nobody gets in before it listens.
        let mask = umask(0o777 & ~mode_t(place.mode))
        let result = Self.bind(descriptor, &address)
        umask(mask)
        guard result == 0 else {
            let failure = Self.failure(place.path)
            Glibc.close(descriptor)
            throw failure
        }
        self.paths.append(place.path)
        let user = place.user.isEmpty ? uid_t.max : RoleUser.find(place.user)?.uid
        let group = place.group.isEmpty ? gid_t.max : RoleUser.findGroup(place.group)
        guard let user, let group else {
            Glibc.close(descriptor)
            let who = user == nil ? "user \(place.user)" : "group \(place.group)"
            throw Failure(text: "\(place.path): there is no \(who)", status: 78)
        }
        let isOurs = user == uid_t.max && group == gid_t.max
        guard isOurs || lchown(place.path, user, group) == 0, listen(descriptor, 4096) == 0 else {
            let failure = Self.failure(place.path)
            Glibc.close(descriptor)
            throw failure
        }
        try self.add(descriptor, service, name, nil, .unix)
    }

    private mutating func add(
        _ descriptor: CInt, _ service: RoleStart.Socket.Service, _ name: String, _ inet: InetPlace?,
        _ family: RoleStart.Socket.Family
    ) throws(Failure) {
        let high = fcntl(descriptor, F_DUPFD_CLOEXEC, Self.lowestDescriptor)
        let failure = Self.failure(name)
        Glibc.close(descriptor)
        guard high >= 0 else { throw failure }
        self.sockets.append(
            RoleStart.Socket(
                descriptor: high, service: service, name: name, isTLS: inet?.isTLS ?? false,
                isProxied: inet?.isProxied ?? false, family: family))
    }

    private static func bind<Address>(_ descriptor: CInt, _ address: inout Address) -> CInt {
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<Address>.size))
            }
        }
    }

    private static func failure(_ place: String) -> Failure {
        Failure(text: "cannot listen on \(place): \(String(cString: strerror(errno)))")
    }
}
