import Glibc

/// Whose the volume's files are.
///
/// Root's `martlet` works on the volume too while the daemon is stopped. A file that it leaves as root's own
/// keeps the mail role, which has no privileges, from starting.
public enum VolumeOwner {
    /// Gives all of root's files and directories below the directory to a user. Others are left as they are, and
    /// so are symbolic links and files with a second name: the volume's user may have made those.
    /// Does nothing unless the caller is root.
    public static func give(_ path: String, uid: UInt32, gid: UInt32) {
        guard geteuid() == 0, uid != 0 else { return }
        let directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard directory >= 0 else { return }
        // The volume is three levels deep; a deeper tree is none of ours.
        Self.give(directory, uid, gid, levels: 4)
    }

    /// Closes the directory.
    private static func give(_ directory: CInt, _ uid: UInt32, _ gid: UInt32, levels: Int) {
        var status = stat()
        guard fstat(directory, &status) == 0, let stream = fdopendir(directory) else {
            close(directory)
            return
        }
        defer { closedir(stream) }
        if status.st_uid == 0 { fchown(directory, uid, gid) }
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name == "." || name == ".." { continue }
            guard fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
            if status.st_mode & S_IFMT == S_IFDIR {
                let child = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                if child >= 0, levels > 1 {
                    Self.give(child, uid, gid, levels: levels - 1)
                } else if child >= 0 {
                    close(child)
                }
            } else if status.st_mode & S_IFMT == S_IFREG, status.st_uid == 0, status.st_nlink == 1 {
                // Opened, so that what is given away is what was looked at.
                let file = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
                guard file >= 0 else { continue }
                if fstat(file, &status) == 0, status.st_uid == 0, status.st_nlink == 1 { fchown(file, uid, gid) }
                close(file)
            }
        }
    }
}
