import CLinux
import Glibc

/// The user that a role becomes when the daemon was started as root.
struct RoleUser: Equatable {
    enum Capabilities: String {
        case none
        /// CAP_SETUID and CAP_SETGID, to work on files under their owners' ids.
        case setID = "setid"
    }

    var uid: UInt32
    var gid: UInt32
    /// For the supplementary groups; `nil` for none.
    var name: String?
    var capabilities = Capabilities.none

    /// As the supervisor passes it: `UID:GID:CAPABILITIES:NAME`.
    var argument: String { "\(self.uid):\(self.gid):\(self.capabilities.rawValue):\(self.name ?? "")" }

    init(uid: UInt32, gid: UInt32, name: String?) {
        self.uid = uid
        self.gid = gid
        self.name = name
    }

    init?(argument: Substring) {
        let parts = argument.split(separator: ":", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, let uid = UInt32(parts[0]), let gid = UInt32(parts[1]),
            let capabilities = Capabilities(rawValue: String(parts[2]))
        else { return nil }
        self.init(uid: uid, gid: gid, name: parts[3].isEmpty ? nil : String(parts[3]))
        self.capabilities = capabilities
    }

    /// A user of the system by name or number; `nil` when there is none of that name.
    static func find(_ user: String) -> RoleUser? {
        if let uid = UInt32(user) {
            let entry = getpwuid(uid)
            return RoleUser(
                uid: uid, gid: entry?.pointee.pw_gid ?? uid,
                name: entry.map { String(cString: $0.pointee.pw_name) })
        }
        guard let entry = getpwnam(user) else { return nil }
        return RoleUser(uid: entry.pointee.pw_uid, gid: entry.pointee.pw_gid, name: user)
    }

    /// A group of the system by name or number.
    static func findGroup(_ group: String) -> UInt32? { UInt32(group) ?? getgrnam(group)?.pointee.gr_gid }

    /// Becomes the user for good. To be called while the process has one thread; ends the process on failure,
    /// since going on as root would be worse.
    func become() {
        let failed =
            if let name = self.name {
                name.withCString {
                    martlet_become(self.uid, self.gid, $0, self.capabilities == .setID ? 1 : 0)
                }
            } else {
                martlet_become(self.uid, self.gid, nil, self.capabilities == .setID ? 1 : 0)
            }
        guard failed == 0, geteuid() == self.uid, geteuid() != 0 else {
            Complaint.write("cannot become user \(self.uid): \(String(cString: strerror(errno)))")
            exit(71)  // EX_OSERR
        }
    }
}
