import Glibc
public import ServerConfig

/// What a configuration without mistakes still needs of the machine.
public struct SiteCheck: Sendable, Equatable {
    /// Sentences about what martletd would not start for, or could not work without.
    public private(set) var errors: [String] = []
    /// Sentences about what is probably not as meant.
    public private(set) var warnings: [String] = []

    /// Reads files and asks the system. Changes nothing.
    public init(_ configuration: Configuration) {
        let settings = configuration.settings
        self.checkOwners(settings, startedBy: geteuid())
        self.checkDirectories(settings)
        self.checkSockets(settings)
        self.errors += settings.tls.mistakes
        self.checkFiles(settings)
        self.checkScripts(configuration.settings(for: .lmtp))
    }

    /// Nothing checked yet.
    package init() {}

    mutating func error(_ sentence: String) {
        if !self.errors.contains(sentence) { self.errors.append(sentence) }
    }

    mutating func warn(_ sentence: String) {
        if !self.warnings.contains(sentence) { self.warnings.append(sentence) }
    }

    // MARK: Users and groups of the system

    package mutating func checkOwners(_ settings: Settings, startedBy starter: UInt32) {
        let name = settings.mail.uid.isEmpty ? "vmail" : settings.mail.uid
        switch Self.uid(of: name) {
        case 0?: self.error("mail_uid: mail is never handled as root; name another user")
        case .some: break
        case nil where settings.mail.uid.isEmpty && starter != 0:
            self.warn("mail_uid: there is no system user \(name); started as root, martletd needs it")
        case nil:
            self.error(
                "mail_uid: there is no system user \(name); create it (useradd --system \(name)), or set mail_uid")
        }
        let group = settings.mail.gid
        if !group.isEmpty, Self.gid(of: group) == nil { self.error("mail_gid: there is no group \(group)") }
        let internalUser = settings.general.internalUser
        if Self.uid(of: internalUser) == nil {
            self.warn("default_internal_user: there is no system user \(internalUser); the auth role would stay root")
        }
    }

    static func uid(of name: String) -> uid_t? { UInt32(name) ?? getpwnam(name)?.pointee.pw_uid }

    static func gid(of name: String) -> gid_t? { UInt32(name) ?? getgrnam(name)?.pointee.gr_gid }

    // MARK: Sockets

    package mutating func checkSockets(_ settings: Settings) {
        for listener in settings.listeners {
            guard case .unix(let place) = listener.place else { continue }
            let title = "unix_listener \(place.path)"
            let directory = ConfigurationFiles.directory(of: place.path)
            // martletd makes its own.
            if directory != settings.general.baseDirectory, !Self.isDirectory(directory) {
                self.error("\(title): there is no directory \(directory), and nobody makes it")
            }
            if !place.user.isEmpty, Self.uid(of: place.user) == nil {
                self.error("\(title): there is no system user \(place.user)")
            }
            if !place.group.isEmpty, Self.gid(of: place.group) == nil {
                self.error("\(title): there is no group \(place.group)")
            }
        }
    }

    /// `true` also where that cannot be found out.
    static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0 else { return errno != ENOENT && errno != ENOTDIR }
        return status.st_mode & S_IFMT == S_IFDIR
    }

    /// `true` also where that cannot be found out.
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 || errno != ENOENT && errno != ENOTDIR }

    // MARK: Directories

    package mutating func checkDirectories(_ settings: Settings) {
        var places = [
            ("base_dir", settings.general.baseDirectory), ("state_dir", settings.general.stateDirectory),
        ]
        places += settings.volumes.map { ("volume \($0.name)", $0.path) }
        var told: Set<String> = []
        for (name, path) in places {
            guard let obstacle = Self.obstacle(toMaking: path), told.insert(obstacle).inserted else { continue }
            self.error("\(name): cannot make \(path): \(obstacle)")
        }
    }

    /// Why the directory can neither be used nor made; `nil` when nothing is known to be in its way.
    private static func obstacle(toMaking path: String) -> String? {
        var existing = path
        var status = stat()
        while stat(existing, &status) != 0 {
            let code = errno
            if lstat(existing, &status) == 0 { return "\(existing) is a link that leads nowhere" }
            guard code == ENOENT || code == ENOTDIR, existing != "/" else { return nil }
            existing = ConfigurationFiles.directory(of: existing)
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { return "\(existing) is not a directory" }
        // Of rights only who starts martletd can tell.
        if existing != path, access(existing, W_OK) != 0, errno == EROFS {
            return "\(existing) is on a file system that is read-only"
        }
        return nil
    }
}
