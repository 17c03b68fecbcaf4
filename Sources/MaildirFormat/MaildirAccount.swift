import Glibc
import IndexedStore
import MailCore
import MailStore
import Synchronization

/// The Maildirs of one account and the text files in their root.
final class MaildirAccount: AccountFiles {
    /// Absolute, without a slash at the end.
    let root: [UInt8]
    let shared: MaildirFormat.Shared
    let layout: MaildirLayout
    /// `nil`: the process's own.
    let ownerID: UInt32?
    /// What `maildirsize` does not say yet.
    let sizeChanges = Mutex(SizeChanges())
    private let key: UInt64

    private static let subscriptionsPath = RelativePath("subscriptions")
    /// Where Dovecot, too, puts a mailbox that is being removed, and looks for left-overs.
    private static let trash = Array("..DOVECOT-TRASHED".utf8)

    init(_ identity: AccountIdentity, _ shared: MaildirFormat.Shared) throws(StoreError) {
        var root = Array(identity.mailPath.utf8)
        while root.count > 1, root.last == 0x2F { root.removeLast() }
        guard root.first == 0x2F, !root.contains(0) else {
            throw StoreError(.cannot, "mail path is not absolute: \(identity.mailPath)")
        }
        self.root = root
        self.shared = shared
        self.layout = MaildirLayout(layout: shared.options.layout, codec: shared.options.levelCodec)
        self.ownerID = identity.owner?.uid
        self.key = shared.directories.makeKey()
        try Self.makeRoot(root)
        let directory = try self.directory()
        try Self.makeFolders(in: directory)
        self.emptyTrash(directory)
    }

    deinit { self.shared.directories.forget(self.key) }

    func directory() throws(StoreError) -> DirectoryHandle {
        let handle = try self.shared.directories.handle(self.key, at: self.root)
        guard let status = handle.ownStatus, status.st_nlink > 0 else {
            self.shared.directories.forget(self.key)
            return try self.shared.directories.handle(self.key, at: self.root)
        }
        return handle
    }

    // MARK: Mailboxes

    func mailboxes() throws(StoreError) -> [MailboxName] {
        let root = try self.directory()
        guard let rootStatus = root.ownStatus else { throw StoreError.fromErrno("stat mail root") }
        var found: [(name: MailboxName, directory: [UInt8])] = []
        try root.forEachName(in: RelativePath(".")) { entry in
            if entry[0] == 0x2E, let name = self.layout.name(ofDirectory: entry) {
                found.append((name, Array(entry)))
            }
            return true
        }
        var names: Set<MailboxName> = [.inbox]
        for (name, directory) in found where self.isMaildir(directory, in: root, owner: rootStatus.st_uid) {
            names.insert(name)
        }
        return names.sorted()
    }

    /// Whether a directory in the root is a Maildir. A symbolic link counts when it leads to a directory of the
    /// root's owner.
    private func isMaildir(_ name: [UInt8], in root: DirectoryHandle, owner: uid_t) -> Bool {
        let path = RelativePath(name)
        guard let status = root.status(path) else { return false }
        if status.st_mode & S_IFMT == S_IFLNK {
            guard let target = root.targetStatus(path), target.st_uid == owner else { return false }
        }
        return root.isDirectory(path.appending("cur".utf8))
    }

    func mailboxListFingerprint() -> UInt64 {
        var mix = FingerprintMix()
        mix.add((try? self.directory())?.ownStatus)
        return mix.value
    }

    func mailbox(_ name: MailboxName) throws(StoreError) -> any MailboxFiles {
        guard let mailbox = try self.existing(name) else { throw StoreError(.notFound, "mailbox \(name)") }
        return mailbox
    }

    private func existing(_ name: MailboxName) throws(StoreError) -> MaildirMailbox? {
        guard let directory = try self.existingDirectory(name) else { return nil }
        return try MaildirMailbox(self, directory)
    }

    /// The directory of a mailbox relative to the root.
    func existingDirectory(_ name: MailboxName) throws(StoreError) -> [UInt8]? {
        let root = try self.directory()
        guard !name.isInbox else {
            try Self.makeFolders(in: root)
            return []
        }
        guard let rootStatus = root.ownStatus else { throw StoreError.fromErrno("stat mail root") }
        for directory in try self.layout.candidates(for: name)
        where self.isMaildir(directory, in: root, owner: rootStatus.st_uid) {
            return directory
        }
        return nil
    }

    func createMailbox(_ name: MailboxName, _ header: MailboxHeader) throws(StoreError) -> any MailboxFiles {
        if let known = try self.existing(name) {
            try known.adopt(header)
            return known
        }
        let root = try self.directory()
        let directory = try self.layout.directory(of: name)
        let path = RelativePath(directory)
        let mode = (root.ownStatus?.st_mode ?? 0o700) & 0o2777 | 0o700
        let made = root.makeDirectory(path, mode: mode)
        guard made == 0 || made == -EEXIST else { throw StoreError.system("create mailbox \(name)", made) }
        guard let handle = root.subdirectory(path) else {
            throw StoreError(.cannot, "the directory of mailbox \(name) is no directory")
        }
        if made == 0 { fchmod(handle.descriptor, mode) }
        let marker = handle.open(RelativePath("maildirfolder"), O_WRONLY | O_CREAT | O_NOFOLLOW)
        if marker >= 0 { close(marker) }
        // `cur` is made last: what has it is a mailbox.
        try Self.makeFolders(in: handle)
        let mailbox = try MaildirMailbox(self, directory)
        try mailbox.adopt(header)
        return mailbox
    }

    func deleteMailbox(_ name: MailboxName) throws(StoreError) {
        guard !name.isInbox else { throw StoreError(.cannot, "INBOX cannot be deleted") }
        guard let directory = try self.existingDirectory(name) else { return }
        let root = try self.directory()
        let path = RelativePath(directory)
        if let status = root.status(path), status.st_mode & S_IFMT == S_IFLNK {
            // Someone else's Maildir, shown here by a link: only the link is ours.
            let result = root.unlink(path)
            guard result == 0 || result == -ENOENT else {
                throw StoreError.system("delete mailbox \(name)", result)
            }
            return
        }
        // Gone at once, then emptied.
        for _ in 0..<16 {
            let result = root.rename(path, RelativePath(Self.trash))
            if result == 0 || result == -ENOENT {
                self.emptyTrash(root)
                return
            }
            guard result == -ENOTEMPTY || result == -EEXIST else {
                throw StoreError.system("delete mailbox \(name)", result)
            }
            self.emptyTrash(root)
        }
        throw StoreError(.inUse, "the directory for removed mailboxes cannot be emptied")
    }

    private func emptyTrash(_ root: DirectoryHandle) {
        let path = RelativePath(Self.trash)
        guard root.status(path) != nil else { return }
        DirectoryRemoval.remove(path, in: root)
    }

    func renameMailbox(_ name: MailboxName, to target: MailboxName) throws(StoreError) {
        guard !name.isInbox, !target.isInbox else {
            throw StoreError(.cannot, "INBOX is the root of the Maildir")
        }
        let targetDirectory = try self.layout.directory(of: target)
        let taken = try self.existingDirectory(target)
        guard let directory = try self.existingDirectory(name) else {
            if taken != nil { return }
            throw StoreError(.notFound, "mailbox \(name)")
        }
        if directory == targetDirectory { return }
        guard taken == nil else { throw StoreError(.alreadyExists, "mailbox \(target)") }
        let result = try self.directory().rename(RelativePath(directory), RelativePath(targetDirectory))
        guard result == 0 else { throw StoreError.system("rename mailbox \(name) to \(target)", result) }
    }

    // MARK: Text files

    func nextUIDValidity(now: Int64) throws(StoreError) -> UIDValidity {
        try UIDValidityFile(directory: try self.directory()).next(now: now) { self.highestUIDValidity() }
    }

    /// The highest UIDVALIDITY that a mailbox has now, 0 when there is none.
    private func highestUIDValidity() -> UInt32 {
        var highest: UInt32 = 0
        for name in (try? self.mailboxes()) ?? [] {
            guard let mailbox = try? self.existing(name), let header = mailbox.headerOnDisk() else {
                continue
            }
            highest = max(highest, header)
        }
        return highest
    }

    func subscriptions() throws(StoreError) -> [MailboxName] {
        let content = try FileContent.read(Self.subscriptionsPath, in: try self.directory())
        return content.map { SubscriptionsFile($0.bytes, self.layout.codec).names } ?? []
    }

    func setSubscriptions(_ names: [MailboxName]) throws(StoreError) {
        let root = try self.directory()
        let lock = try DotLock("subscriptions", in: root, self.shared.options, staleAfter: 30)
        let content = try FileContent.read(Self.subscriptionsPath, in: root)
        var file =
            content.map { SubscriptionsFile($0.bytes, self.layout.codec) } ?? SubscriptionsFile(self.layout.codec)
        guard file.set(names) else { return }
        let mode = (root.ownStatus?.st_mode ?? 0o700) & 0o666 | 0o600
        try lock.replace(with: file.encoded(), mode: mode, sync: self.shared.options.syncTextFiles)
    }

    // MARK: Directories

    /// Makes the root and what is missing above it.
    private static func makeRoot(_ root: [UInt8]) throws(StoreError) {
        var end = 1
        while end <= root.count {
            if end == root.count || root[end] == 0x2F {
                let path = RelativePath(root[..<end])
                let result = path.withCString { mkdir($0, 0o700) } == 0 ? 0 : errno
                // A directory above that we may not look into can still hold ours.
                if result != 0, result != EEXIST, end == root.count {
                    throw StoreError.system("create mail root \(path.text)", -result)
                }
            }
            end += 1
        }
    }

    /// Makes what is missing of `tmp`, `new`, `cur`.
    static func makeFolders(in directory: DirectoryHandle) throws(StoreError) {
        let mode = (directory.ownStatus?.st_mode ?? 0o700) & 0o2777 | 0o700
        for name: StaticString in ["tmp", "new", "cur"] {
            let path = RelativePath(name)
            let result = directory.makeDirectory(path, mode: mode)
            if result == 0, mode != 0o700, let made = directory.subdirectory(path) {
                fchmod(made.descriptor, mode)
            }
            guard result == 0 || result == -EEXIST else { throw StoreError.system("create \(name)", result) }
        }
    }
}
