import Glibc
import MailStore

/// Removes a directory with all that lies in it, never following a symbolic link.
enum DirectoryRemoval {
    /// A Maildir is two levels deep; other programs' indexes may add some.
    private static let maximumDepth = 8

    /// What cannot be removed stays.
    static func remove(_ path: RelativePath, in parent: DirectoryHandle) {
        self.empty(path, in: parent, depth: 0)
        _ = parent.removeDirectory(path)
    }

    private static func empty(_ path: RelativePath, in parent: DirectoryHandle, depth: Int) {
        guard depth < self.maximumDepth, let directory = parent.subdirectory(path) else { return }
        // Removing while listing may skip names, so list again as long as something went.
        for _ in 0..<1_000 {
            var names: [RelativePath] = []
            try? directory.forEachName(in: RelativePath(".")) { name in
                names.append(RelativePath(name))
                return names.count < 10_000
            }
            var removed = false
            for name in names {
                var result = directory.unlink(name)
                if result == -EISDIR || result == -EPERM {
                    self.empty(name, in: directory, depth: depth + 1)
                    result = directory.removeDirectory(name)
                }
                if result == 0 { removed = true }
            }
            if names.isEmpty || !removed { return }
        }
    }
}
