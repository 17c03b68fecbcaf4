import Glibc
import IndexedStore
import MailCore
import MailStore
import Synchronization

/// Which mailboxes there are.
extension MaildirAccount {
    private static let maximumDepth = 64
    private static let maximumDirectories = 100_000
    private static let maximumUnnamed = 20

    /// What a look at all directories finds.
    private struct Found {
        var names: Set<MailboxName> = [.inbox]
        /// Directories that tell by their time of change when mailboxes come and go.
        var watched: [RelativePath] = []
        var unnamed: [String] = []

        mutating func addUnnamed(_ directory: [UInt8]) {
            if self.unnamed.count < MaildirAccount.maximumUnnamed { self.unnamed.append(RelativePath(directory).text) }
        }
    }

    func mailboxes() throws(StoreError) -> [MailboxName] {
        let names = try self.mailboxes(in: try self.currentDirectory())
        if names.count == 1 { try self.checkPresent() }
        return names
    }

    func mailboxes(in root: DirectoryHandle) throws(StoreError) -> [MailboxName] {
        guard let status = root.ownStatus else { throw StoreError.fromErrno("stat mail root") }
        var found = Found()
        switch self.layout.layout {
        case .maildirPlusPlus: try self.list(root, status.st_uid, &found)
        case .directories: try self.walk(root, status, &found)
        }
        self.listDirectories.withLock { $0 = found.watched }
        self.unnamed.withLock { $0 = found.unnamed }
        return found.names.sorted()
    }

    var unnamedDirectories: [String] { self.unnamed.withLock { $0 } }

    private func list(_ root: DirectoryHandle, _ owner: uid_t, _ found: inout Found) throws(StoreError) {
        var directories: [[UInt8]] = []
        try root.forEachName(in: RelativePath(".")) { entry in
            // `..` is above, and what begins with it is Dovecot's own.
            if entry.count > 1, entry[0] == 0x2E, entry[1] != 0x2E { directories.append(Array(entry)) }
            return true
        }
        for directory in directories {
            let name = directory.withUnsafeBytes { self.layout.name(ofDirectory: $0) }
            guard let name else {
                if (try? self.isMaildir(directory, in: root, owner: owner)) ?? false { found.addUnnamed(directory) }
                continue
            }
            if try self.isMaildir(directory, in: root, owner: owner) {
                found.names.insert(name)
            } else {
                // Another program may be about to make a mailbox of it.
                found.watched.append(RelativePath(directory))
            }
        }
    }

    /// Walks through the directories, each once whatever links lead to it.
    private func walk(
        _ root: DirectoryHandle, _ rootStatus: stat, _ found: inout Found
    ) throws(StoreError) {
        var waiting: [(path: [UInt8], depth: Int)] = [([], 0)]
        var seen: Set<[UInt64]> = [[UInt64(rootStatus.st_dev), UInt64(rootStatus.st_ino)]]
        while let (path, depth) = waiting.popLast() {
            var entries: [[UInt8]] = []
            do throws(StoreError) {
                try root.forEachName(in: RelativePath(path.isEmpty ? [0x2E] : path)) { entry in
                    if self.layout.isLevel(entry) { entries.append(Array(entry)) }
                    return entries.count < Self.maximumDirectories
                }
            } catch {
                // Removed meanwhile, or not for us to see.
                guard !path.isEmpty else { throw error }
                continue
            }
            for entry in entries {
                let child = path.isEmpty ? entry : path + [0x2F] + entry
                guard seen.count < Self.maximumDirectories, depth < Self.maximumDepth,
                    let status = try self.directoryStatus(child, in: root, owner: rootStatus.st_uid),
                    seen.insert([UInt64(status.st_dev), UInt64(status.st_ino)]).inserted
                else { continue }
                found.watched.append(RelativePath(child))
                waiting.append((child, depth + 1))
                guard try self.holdsMessages(child, in: root) else {
                    // Its own directory is watched; that of its messages may be made before they have theirs.
                    if !self.layout.directoryName.isEmpty {
                        found.watched.append(RelativePath(self.layout.messages(in: child)))
                    }
                    continue
                }
                if let name = child.withUnsafeBytes({ self.layout.name(ofDirectory: $0) }) {
                    found.names.insert(name)
                } else if self.layout.messages(in: child) != self.inboxDirectory {
                    found.addUnnamed(child)
                }
            }
        }
    }

    /// The status of a directory in the root. A symbolic link counts when it leads to a directory of the root's
    /// owner. Throws when the disk cannot say: a mailbox is not gone by that.
    private func directoryStatus(
        _ name: [UInt8], in root: DirectoryHandle, owner: uid_t
    ) throws(StoreError) -> stat? {
        let path = RelativePath(name)
        let found: stat?
        do throws(StoreError) {
            found = try root.knownStatus(path, follows: false)
        } catch {
            // One that is not for us to see is no mailbox.
            if error.code == .noPermission { return nil }
            throw error
        }
        guard var status = found else { return nil }
        if status.st_mode & S_IFMT == S_IFLNK {
            // What a link leads to may not be for us to see.
            guard let target = root.targetStatus(path), target.st_uid == owner else { return nil }
            // One to the root itself would be INBOX once more, with all that lies below it.
            if let own = root.ownStatus, target.st_ino == own.st_ino, target.st_dev == own.st_dev { return nil }
            status = target
        }
        return status.st_mode & S_IFMT == S_IFDIR ? status : nil
    }

    func isMaildir(_ name: [UInt8], in root: DirectoryHandle, owner: uid_t) throws(StoreError) -> Bool {
        guard try self.directoryStatus(name, in: root, owner: owner) != nil else { return false }
        return try self.holdsMessages(name, in: root)
    }

    private func holdsMessages(_ name: [UInt8], in root: DirectoryHandle) throws(StoreError) -> Bool {
        do throws(StoreError) {
            return try root.hasDirectory(RelativePath(self.layout.messages(in: name)).appending("cur".utf8))
        } catch {
            // As in `directoryStatus`.
            if error.code == .noPermission { return false }
            throw error
        }
    }

    var watchedDirectories: [String] {
        let root = String(decoding: self.root, as: UTF8.self)
        return [root] + self.listDirectories.withLock { $0.map { "\(root)/\($0.text)" } }
    }

    func mailboxListFingerprint() -> UInt64 {
        var mix = FingerprintMix()
        guard let root = try? self.currentDirectory() else { return mix.value }
        mix.add(root.ownStatus)
        for path in self.listDirectories.withLock({ $0 }) { mix.add(root.targetStatus(path)) }
        return mix.value
    }

    var isMailboxListSettled: Bool {
        guard let root = try? self.currentDirectory() else { return true }
        let now = SettlingTime.now()
        let directories = [root.ownStatus] + self.listDirectories.withLock { $0 }.map { root.targetStatus($0) }
        return directories.allSatisfy { $0.map { SettlingTime.isOver(since: $0, at: now) } ?? true }
    }

    /// The name of the mailbox whose messages are in an absolute path.
    func name(ofPath path: [UInt8]) -> MailboxName? {
        if path == self.absolute(self.inboxDirectory) { return .inbox }
        guard path.count > self.root.count + 1, path.starts(with: self.root) else { return nil }
        var node = Array(path[(self.root.count + 1)...])
        if !self.layout.directoryName.isEmpty { node = Array(node.dropLast(self.layout.directoryName.count + 1)) }
        return node.withUnsafeBytes { self.layout.name(ofDirectory: $0) }
    }
}
