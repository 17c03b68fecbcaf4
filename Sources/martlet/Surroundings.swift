import Authentication
import Glibc
import ServerConfig

/// What a configuration without mistakes still needs of the machine for logins: passwd-files, PAM services, issuers' keys.
/// The rest is in `SiteCheck`.
enum Surroundings {
    /// A sentence for each that is not there now.
    static func missing(_ settings: Settings) -> [String] {
        var sentences: [String] = []
        let internalUser = settings.general.internalUser
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
        let lists = Set(settings.passdbs.filter(\.isDenyList).map(\.passwdFilePath))
        for file in Set(files).sorted() where !file.contains("%") && !Self.exists(file) {
            let effect = lists.contains(file) ? "nobody can log in until it is there" : "nobody in it can log in"
            sentences.append("passwd_file_path: there is no \(file); \(effect)")
        }
        if !settings.tokens.keyFile.isEmpty {
            sentences += TokenVerifier.problems(ofKeyFile: settings.tokens.keyFile)
            files.append(settings.tokens.keyFile)
        }
        // Started by another user, the auth role stays that one.
        if geteuid() == 0, let reader = SystemReader(internalUser) {
            for file in Set(files).sorted() where !file.contains("%") && Self.exists(file) {
                if let obstacle = reader.obstacle(to: file) {
                    sentences.append("\(file): the user \(internalUser) may not read it, because of \(obstacle)")
                }
            }
        }
        return sentences
    }

    /// `true` also where that cannot be found out.
    private static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 || errno != ENOENT }
}

/// What a system user may read, by owners and modes alone.
private struct SystemReader {
    private let uid: uid_t
    private var groups: Set<gid_t>

    /// `nil` when there is no such user.
    init?(_ name: String) {
        guard let entry = UInt32(name).map(getpwuid) ?? getpwnam(name) else { return nil }
        self.uid = entry.pointee.pw_uid
        self.groups = [entry.pointee.pw_gid]
        var found = [gid_t](repeating: 0, count: 256)
        var count = CInt(found.count)
        if getgrouplist(entry.pointee.pw_name, entry.pointee.pw_gid, &found, &count) >= 0 {
            self.groups.formUnion(found.prefix(Int(count)))
        }
    }

    /// The directory, or the file itself, that is closed to the user; `nil` when nothing is.
    func obstacle(to file: String) -> String? {
        guard self.uid != 0 else { return nil }
        var path = ""
        for level in file.split(separator: "/").dropLast() {
            path += "/" + level
            if !self.may(S_IXOTH, path) { return path }
        }
        return self.may(S_IROTH, file) ? nil : file
    }

    private func may(_ right: mode_t, _ path: String) -> Bool {
        var status = stat()
        // What cannot be looked at was spoken of before.
        guard stat(path, &status) == 0 else { return true }
        if status.st_uid == self.uid { return status.st_mode & (right << 6) != 0 }
        if self.groups.contains(status.st_gid) { return status.st_mode & (right << 3) != 0 }
        return status.st_mode & right != 0
    }
}
