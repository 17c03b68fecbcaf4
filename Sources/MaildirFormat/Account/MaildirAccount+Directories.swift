import Glibc
import IndexedStore
import MailCore
import MailStore

/// Removing and renaming where mailboxes have their children in them, and what of a mailbox lies elsewhere.
extension MaildirAccount {
    /// Removes a mailbox's messages and files from a directory that has those of its children, too.
    func deleteMessages(in directory: [UInt8], _ name: MailboxName) throws(StoreError) {
        let root = try self.directory()
        guard let handle = root.subdirectory(RelativePath(directory)) else { return }
        // Without `cur` it is no mailbox any more, so that first.
        for part in ["cur", "new", "tmp"] {
            try self.moveToTrash(RelativePath(directory + [0x2F] + Array(part.utf8)), name)
        }
        var names: [RelativePath] = []
        try handle.forEachName(in: RelativePath(".")) { entry in
            names.append(RelativePath(entry))
            return true
        }
        for name in names {
            guard let status = handle.status(name), status.st_mode & S_IFMT == S_IFREG else { continue }
            _ = handle.unlink(name)
        }
        _ = root.removeDirectory(RelativePath(directory))
    }

    /// Removes a directory with nothing in it, and those above that then have nothing either.
    func removeEmpty(_ node: [UInt8], in root: DirectoryHandle) {
        _ = root.removeDirectory(RelativePath(node))
        self.removeEmptyParents(of: node, in: root)
    }

    func removeEmptyParents(of node: [UInt8], in root: DirectoryHandle) {
        var path = node[...]
        while let slash = path.lastIndex(of: 0x2F), slash > 0 {
            path = path[..<slash]
            guard root.removeDirectory(RelativePath(path)) == 0 else { return }
        }
    }

    /// Removes the text files of a mailbox that are not with its messages.
    func removeControl(of directory: [UInt8]) {
        guard let control = self.controlRoot, let root = try? self.controlDirectory() else { return }
        let path = self.counterpart(of: directory, below: control)
        guard let handle = root.subdirectory(RelativePath(path)) else { return }
        for name: StaticString in ["dovecot-uidlist", "dovecot-keywords"] {
            _ = handle.unlink(RelativePath(name))
        }
        // With the files of children it stays.
        self.removeEmpty(Array(path[(control.count + 1)...]), in: root)
    }

    func renameControl(of node: [UInt8], to target: [UInt8]) throws(StoreError) {
        guard let control = self.controlRoot else { return }
        let root = try self.controlDirectory()
        let mode = (root.ownStatus?.st_mode ?? 0o700) & 0o2777 | 0o700
        try self.makeDirectories(above: target, in: root, mode)
        // Left from a mailbox that had the name before.
        let old = self.layout.messages(in: target)
        if root.status(RelativePath(target)) != nil { self.removeControl(of: old) }
        let result = root.rename(RelativePath(node), RelativePath(target))
        guard result == 0 || result == -ENOENT else {
            throw StoreError.system("rename in \(String(decoding: control, as: UTF8.self))", result)
        }
        if self.layout.layout == .directories { self.removeEmptyParents(of: node, in: root) }
    }
}
