import Glibc
import Synchronization

/// The system's users and groups (NSS).
enum SystemAccounts {
    struct User: Hashable, Sendable {
        var name: String
        var uid: UInt32
        var gid: UInt32
        var home: String
    }

    enum Lookup<Value> {
        case found(Value)
        case notFound
        case failed(CInt)
    }

    private static let maximumBuffer = 1 << 20

    static func user(named name: String) -> Lookup<User> {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        return Self.growing { buffer in
            guard let base = buffer.baseAddress else { return (ENOMEM, nil) }
            let code = getpwnam_r(name, &entry, base, buffer.count, &found)
            guard code == 0, found != nil else { return (code, nil) }
            return (
                0,
                User(
                    name: String(cString: entry.pw_name), uid: entry.pw_uid, gid: entry.pw_gid,
                    home: String(cString: entry.pw_dir))
            )
        }
    }

    static func group(named name: String) -> Lookup<UInt32> {
        var entry = Glibc.group()
        var found: UnsafeMutablePointer<Glibc.group>?
        return Self.growing { buffer in
            guard let base = buffer.baseAddress else { return (ENOMEM, nil) }
            let code = getgrnam_r(name, &entry, base, buffer.count, &found)
            return (code, code == 0 && found != nil ? entry.gr_gid : nil)
        }
    }

    /// Calls with a larger buffer as long as ERANGE comes back: groups can have many members.
    private static func growing<Value>(
        _ call: (UnsafeMutableBufferPointer<CChar>) -> (CInt, Value?)
    ) -> Lookup<Value> {
        var size = 1024
        while true {
            let (code, value) = withUnsafeTemporaryAllocation(of: CChar.self, capacity: size, call)
            if code == ERANGE, size < Self.maximumBuffer {
                size *= 4
                continue
            }
            if let value { return .found(value) }
            switch code {
            // Some NSS modules report "no such user" by these.
            case 0, ENOENT, ESRCH, EBADF, EPERM: return .notFound
            default: return .failed(code)
            }
        }
    }
}

/// System users as mail users: uid, gid and home from NSS.
public struct SystemUserDatabase: UserDatabase {
    private static let walk = Mutex(())

    public var driver: String { "passwd" }
    public var mayBlock: Bool { true }

    public init() {}

    public func lookup(_ query: AuthQuery) -> UserFieldLookup {
        switch SystemAccounts.user(named: query.user) {
        case .found(let user):
            return .found([
                "system_groups_user": user.name, "uid": String(user.uid), "gid": String(user.gid),
                "home": user.home,
            ])
        case .notFound: return .notFound
        case .failed(let code): return .temporary("getpwnam: \(String(cString: strerror(code)))")
        }
    }

    /// System accounts that are no system services: uid 1000 to 59999, Debian's range of people.
    public func users() -> [String] {
        // getpwent's position belongs to the whole process.
        Self.walk.withLock { _ in
            var names: [String] = []
            setpwent()
            defer { endpwent() }
            while let entry = getpwent() {
                if (1000...59999).contains(entry.pointee.pw_uid) {
                    names.append(String(cString: entry.pointee.pw_name))
                }
            }
            return names
        }
    }
}

/// PAM as a password database: verification runs in worker processes.
public struct PAMPasswordDatabase: PasswordDatabase {
    public var driver: String { "pam" }
    public var mayBlock: Bool { false }

    /// The PAM service, a file of `/etc/pam.d`; may hold `%{service}`.
    private let service: VariableTemplate

    public init(service: VariableTemplate) { self.service = service }

    public func lookup(_ query: AuthQuery) -> PasswordLookup {
        guard let name = self.service.expandPath(query), !name.isEmpty else {
            return .temporary("pam: service name is empty")
        }
        return .pam(service: name)
    }
}
