import Glibc
import ServerConfig

/// As whom the roles run; `nil` is as whom the daemon was started.
struct RoleUsers {
    let mail: RoleUser?
    let auth: RoleUser?
    private(set) var warnings: [String] = []

    /// As whom a role runs.
    func user(of kind: RoleProcess.Kind) -> RoleUser? {
        switch kind {
        case .auth: self.auth
        case .mail: self.mail
        case .submit:
            self.mail.map { RoleUser(uid: $0.uid, gid: $0.gid, name: $0.name) }
        }
    }

    init(_ settings: Settings) throws(StartFailure) {
        guard geteuid() == 0 else {
            self.mail = nil
            self.auth = nil
            return
        }
        self.mail = try Self.mailUser(settings)
        // PAM's modules read /etc/shadow and the like.
        if settings.passdbs.contains(where: { $0.driver == .pam }) {
            self.auth = nil
            return
        }
        let name = settings.general.internalUser
        let user = RoleUser.find(name)
        if user == nil {
            self.warnings.append(
                "System user \(name) (default_internal_user) does not exist: the auth role stays root")
        }
        self.auth = user.flatMap { $0.uid == 0 ? nil : $0 }
    }

    private static func mailUser(_ settings: Settings) throws(StartFailure) -> RoleUser {
        let name = settings.mail.uid.isEmpty ? "vmail" : settings.mail.uid
        guard var user = RoleUser.find(name) else {
            throw StartFailure(
                "mail_uid: system user \(name) does not exist; create it (useradd --system \(name)) or set mail_uid",
                status: 78)
        }
        if !settings.mail.gid.isEmpty {
            guard let gid = RoleUser.findGroup(settings.mail.gid) else {
                throw StartFailure("mail_gid: group \(settings.mail.gid) does not exist", status: 78)
            }
            user.gid = gid
        }
        guard user.uid != 0 else {
            throw StartFailure("mail_uid: mail is never handled as root; name another user", status: 78)
        }
        // Those who own their mail: it is read and written under their ids.
        let owners = ForeignOwners(owner: user)
        if owners.areIn(settings) { user.capabilities = .setID }
        return user
    }
}
