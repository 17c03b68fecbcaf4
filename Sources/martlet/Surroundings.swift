import Authentication
import Glibc
import ServerConfig

/// What a configuration without mistakes still needs of the machine: system users, passwd-files, PAM services,
/// issuers' keys.
enum Surroundings {
    /// A sentence for each that is not there now.
    static func missing(_ settings: Settings) -> [String] {
        var sentences: [String] = []
        let mailUser = settings.mail.uid.isEmpty ? "vmail" : settings.mail.uid
        if UInt32(mailUser) == nil, getpwnam(mailUser) == nil {
            sentences.append("mail_uid: there is no system user \(mailUser); started as root, martletd needs it")
        }
        let mailGroup = settings.mail.gid
        if !mailGroup.isEmpty, UInt32(mailGroup) == nil, getgrnam(mailGroup) == nil {
            sentences.append("mail_gid: there is no group \(mailGroup)")
        }
        let internalUser = settings.general.internalUser
        if UInt32(internalUser) == nil, getpwnam(internalUser) == nil {
            sentences.append(
                "default_internal_user: there is no system user \(internalUser); the auth role would stay root")
        }
        var files: [String] = []
        for passdb in settings.passdbs {
            switch passdb.driver {
            case .passwdFile: files.append(passdb.passwdFilePath)
            case .pam:
                let service = passdb.pamServiceName
                if !service.contains("%"), !Self.exists("/etc/pam.d/\(service)") {
                    sentences.append("passdb \(passdb.name): no /etc/pam.d/\(service); PAM takes `other` instead")
                }
            case .static: break
            }
        }
        files += settings.userdbs.filter { $0.driver == .passwdFile }.map(\.passwdFilePath)
        // A path with variables is another file for each user.
        for file in Set(files).sorted() where !file.contains("%") && !Self.exists(file) {
            sentences.append("passwd_file_path: there is no \(file); nobody in it can log in")
        }
        if !settings.tokens.keyFile.isEmpty {
            sentences += TokenVerifier.problems(ofKeyFile: settings.tokens.keyFile)
        }
        return sentences
    }

    /// `true` also where that cannot be found out.
    private static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 || errno != ENOENT }
}
