import Glibc
import ServerConfig
import Wiring

/// The directories that must exist before a role runs.
enum Directories {
    static func prepare(_ settings: Settings, mailUser: RoleUser?) throws(StartFailure) {
        try self.make(settings.general.baseDirectory, mode: 0o755, owner: nil)
        try self.make(settings.general.stateDirectory, mode: 0o755, owner: nil)
        for volume in settings.volumes {
            try self.make(volume.path, mode: 0o700, owner: mailUser)
            if let mailUser { VolumeOwner.give(volume.path, uid: mailUser.uid, gid: mailUser.gid) }
        }
        try self.make(settings.submitDirectory, mode: 0o700, owner: mailUser)
    }

    /// Makes the directory and what is missing above it. The owner of one that exists is set only when it is
    /// empty of any other's claim: root's.
    private static func make(_ path: String, mode: mode_t, owner: RoleUser?) throws(StartFailure) {
        var prefix = ""
        let components = path.split(separator: "/")
        for (index, component) in components.enumerated() {
            prefix += "/" + component
            let isLast = index == components.count - 1
            let mask = umask(0)
            defer { umask(mask) }
            if mkdir(prefix, isLast ? mode : 0o755) != 0, errno != EEXIST {
                throw StartFailure("cannot make \(prefix): \(String(cString: strerror(errno)))", status: 73)
            }
        }
        guard let owner else { return }
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw StartFailure("\(path) is not a directory", status: 73)
        }
        if status.st_uid == 0, lchown(path, owner.uid, owner.gid) != 0 {
            throw StartFailure("cannot give \(path) away: \(String(cString: strerror(errno)))", status: 73)
        }
    }
}
