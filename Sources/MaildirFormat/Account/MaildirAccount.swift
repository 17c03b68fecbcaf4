import Glibc
import IndexedStore
import MailCore
import MailStore
import Synchronization

/// The Maildirs of one account and the text files beside them.
///
/// Directories of mailboxes are paths relative to the root, which every system call takes as they are; that of an
/// INBOX elsewhere is absolute.
final class MaildirAccount: AccountFiles {
    /// Absolute, without a slash at the end.
    let root: [UInt8]
    /// Where text files are that are not with the messages; `nil`: all are.
    let controlRoot: [UInt8]?
    /// Where another server has its index; `nil`: with the messages.
    let indexRoot: [UInt8]?
    /// The directory of INBOX: empty for the root, absolute when it is elsewhere.
    let inboxDirectory: [UInt8]
    let shared: MaildirFormat.Shared
    let layout: MaildirLayout
    let subscriptionsPath: RelativePath
    /// `nil`: the process's own.
    let ownerID: UInt32?
    /// What `maildirsize` does not say yet.
    let sizeChanges = Mutex(SizeChanges())
    /// Directories that tell by their time of change when mailboxes come and go; those seen last.
    let listDirectories = Mutex<[RelativePath]>([])
    /// Directories with messages that no name leads to; those seen last.
    let unnamed = Mutex<[String]>([])
    /// What is known to be among the files.
    let known = Atomic<UInt8>(0)
    private let key: UInt64
    private let controlKey: UInt64

    /// Where Dovecot, too, puts a mailbox that is being removed, and looks for left-overs.
    static let trash = Array("..DOVECOT-TRASHED".utf8)

    /// Makes and opens nothing.
    init(_ identity: AccountIdentity, _ shared: MaildirFormat.Shared) throws(StoreError) {
        let places = identity.places
        guard let root = try Self.path(identity.mailPath, "mail path") else {
            throw StoreError(.cannot, "mail path is not absolute: \(identity.mailPath)")
        }
        self.root = root
        self.shared = shared
        self.layout = MaildirLayout(
            layout: places.layout, codec: shared.options.levelCodec(places.layout),
            directoryName: places.layout == .directories ? Array(places.directoryName.utf8) : [])
        let control = try Self.path(places.controlPath, "mail_control_path")
        self.controlRoot = control == root ? nil : control
        let index = try Self.path(places.indexPath, "mail_index_path")
        self.indexRoot = index == root ? nil : index
        if let inbox = try Self.path(places.inboxPath, "mail_inbox_path") {
            self.inboxDirectory = inbox == root ? [] : inbox
        } else {
            self.inboxDirectory =
                self.layout.directoryName.isEmpty ? [] : self.layout.messages(in: Array("INBOX".utf8))
        }
        let subscriptions = places.subscriptionsName.isEmpty ? "subscriptions" : places.subscriptionsName
        guard MaildirFilename.isEntryName(subscriptions.utf8),
            self.layout.directoryName.isEmpty || MaildirFilename.isEntryName(self.layout.directoryName)
        else { throw StoreError(.cannot, "\(identity.name): not the name of one file") }
        self.subscriptionsPath = RelativePath(Array(subscriptions.utf8))
        self.ownerID = identity.owner?.uid
        self.key = shared.directories.makeKey()
        self.controlKey = shared.directories.makeKey()
    }

    deinit {
        self.shared.directories.forget(self.key)
        self.shared.directories.forget(self.controlKey)
    }

    /// The octets of an absolute path, without a slash at the end; `nil` for an empty one.
    private static func path(_ text: String, _ what: String) throws(StoreError) -> [UInt8]? {
        if text.isEmpty { return nil }
        var path = Array(text.utf8)
        while path.count > 1, path.last == 0x2F { path.removeLast() }
        guard path.first == 0x2F, !path.contains(0) else {
            throw StoreError(.cannot, "\(what) is not absolute: \(text)")
        }
        return path
    }

    func directory() throws(StoreError) -> DirectoryHandle {
        do throws(StoreError) {
            return try self.current(self.key, self.root)
        } catch {
            guard error.code == .notFound else { throw error }
            // It was there when the account was opened.
            throw StoreError(.temporary, error.detail)
        }
    }

    /// `directory()`, or what has its place by now: another file system may have been mounted there.
    func currentDirectory() throws(StoreError) -> DirectoryHandle {
        let held = try self.directory()
        var now = stat()
        if RelativePath(self.root).withCString({ stat($0, &now) }) == 0, let own = held.ownStatus,
            now.st_ino == own.st_ino, now.st_dev == own.st_dev
        {
            return held
        }
        self.shared.directories.forget(self.key)
        return try self.directory()
    }

    /// Where the text files of the whole account are.
    func controlDirectory() throws(StoreError) -> DirectoryHandle {
        guard let root = self.controlRoot else { return try self.directory() }
        return try self.current(self.controlKey, root)
    }

    private func current(_ key: UInt64, _ path: [UInt8]) throws(StoreError) -> DirectoryHandle {
        let handle = try self.shared.directories.handle(key, at: path)
        guard let status = handle.ownStatus, status.st_nlink > 0 else {
            self.shared.directories.forget(key)
            return try self.shared.directories.handle(key, at: path)
        }
        return handle
    }

    /// The absolute path of a mailbox's directory.
    func absolute(_ directory: [UInt8]) -> [UInt8] {
        if directory.isEmpty { return self.root }
        return directory.first == 0x2F ? directory : self.root + [0x2F] + directory
    }

    /// The directory below another root for the files of one kind of a mailbox, absolute.
    func counterpart(of directory: [UInt8], below root: [UInt8]) -> [UInt8] {
        var name = directory
        if directory == self.inboxDirectory {
            name = Array((self.layout.layout == .maildirPlusPlus ? ".INBOX" : "INBOX").utf8)
        } else if !self.layout.directoryName.isEmpty {
            name = Array(directory.dropLast(self.layout.directoryName.count + 1))
        }
        return root + [0x2F] + name
    }

    // MARK: Mailboxes

    func mailbox(_ name: MailboxName) throws(StoreError) -> any MailboxFiles {
        guard let mailbox = try self.existing(name) else { throw StoreError(.notFound, "mailbox \(name)") }
        return mailbox
    }

    func existing(_ name: MailboxName) throws(StoreError) -> MaildirMailbox? {
        guard let directory = try self.existingDirectory(name) else { return nil }
        return try MaildirMailbox(self, directory)
    }

    /// The directory of a mailbox's messages: relative to the root, or absolute.
    func existingDirectory(_ name: MailboxName) throws(StoreError) -> [UInt8]? {
        if name.isInbox {
            let root = try self.directory()
            if self.inboxDirectory.isEmpty {
                try self.completeInbox(root)
            } else if let inbox = root.subdirectory(RelativePath(self.inboxDirectory)) {
                try self.completeInbox(inbox)
            } else {
                try self.checkPresent()
                try Self.makeRoot(self.absolute(self.inboxDirectory))
            }
            return self.inboxDirectory
        }
        return try self.existingNode(name).map { self.layout.messages(in: $0) }
    }

    /// The directory that is the mailbox's own, which has those of its children in it in the layout of directories.
    func existingNode(_ name: MailboxName) throws(StoreError) -> [UInt8]? {
        guard !name.isInbox else { return nil }
        let root = try self.directory()
        guard let rootStatus = root.ownStatus else { throw StoreError.fromErrno("stat mail root") }
        for directory in self.layout.candidates(for: name) {
            if try self.isMaildir(directory, in: root, owner: rootStatus.st_uid) { return directory }
        }
        return nil
    }

    func createMailbox(_ name: MailboxName, _ header: MailboxHeader) throws(StoreError) -> any MailboxFiles {
        if let known = try self.existing(name) {
            try known.adopt(header)
            return known
        }
        let root = try self.directory()
        let node = try self.layout.directory(of: name)
        let directory = self.layout.messages(in: node)
        let path = RelativePath(directory)
        let mode = (root.ownStatus?.st_mode ?? 0o700) & 0o2777 | 0o700
        try self.makeDirectories(above: directory, in: root, mode)
        let made = root.makeDirectory(path, mode: mode)
        guard made == 0 || made == -EEXIST else { throw StoreError.system("create mailbox \(name)", made) }
        guard let handle = root.subdirectory(path) else {
            throw StoreError(.cannot, "the directory of mailbox \(name) is no directory")
        }
        if made == 0 { fchmod(handle.descriptor, mode) }
        do throws(StoreError) {
            if self.layout.layout == .maildirPlusPlus {
                let marker = handle.open(RelativePath("maildirfolder"), O_WRONLY | O_CREAT | O_NOFOLLOW)
                if marker >= 0 { close(marker) }
            }
            // `cur` is made last: what has it is a mailbox.
            try Self.makeFolders(in: handle)
            let mailbox = try MaildirMailbox(self, directory)
            try mailbox.adopt(header)
            return mailbox
        } catch {
            // What was refused is not to be there, empty, all the same.
            if made == 0 {
                DirectoryRemoval.remove(path, in: root)
                self.removeControl(of: directory)
                if self.layout.layout == .directories { self.removeEmptyParents(of: directory, in: root) }
            }
            throw error
        }
    }

    /// Makes what is missing between the root and a directory.
    func makeDirectories(above directory: [UInt8], in root: DirectoryHandle, _ mode: mode_t) throws(StoreError) {
        for (index, byte) in directory.enumerated() where byte == 0x2F && index > 0 {
            let path = RelativePath(directory[..<index])
            let made = root.makeDirectory(path, mode: mode)
            guard made == 0 || made == -EEXIST else { throw StoreError.system("create \(path.text)", made) }
            if made == 0, let handle = root.subdirectory(path) { fchmod(handle.descriptor, mode) }
        }
    }

    func deleteMailbox(_ name: MailboxName) throws(StoreError) {
        guard !name.isInbox else { throw StoreError(.cannot, "INBOX cannot be deleted") }
        guard let node = try self.existingNode(name) else { return }
        self.noteDeletion()
        let root = try self.directory()
        let path = RelativePath(node)
        if let status = root.status(path), status.st_mode & S_IFMT == S_IFLNK {
            // Someone else's Maildir, shown here by a link: only the link is ours.
            let result = root.unlink(path)
            guard result == 0 || result == -ENOENT else {
                throw StoreError.system("delete mailbox \(name)", result)
            }
            return
        }
        if self.layout.layout == .directories {
            try self.deleteMessages(in: self.layout.messages(in: node), name)
            self.removeEmpty(node, in: root)
        } else {
            try self.moveToTrash(path, name)
        }
        self.removeControl(of: self.layout.messages(in: node))
    }

    /// Gone at once, then emptied.
    func moveToTrash(_ path: RelativePath, _ name: MailboxName) throws(StoreError) {
        let root = try self.directory()
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

    func emptyTrash(_ root: DirectoryHandle) {
        let path = RelativePath(Self.trash)
        guard root.status(path) != nil else { return }
        DirectoryRemoval.remove(path, in: root)
    }

    func renameMailbox(_ name: MailboxName, to target: MailboxName) throws(StoreError) {
        guard !name.isInbox, !target.isInbox else {
            throw StoreError(.cannot, "INBOX has a place of its own")
        }
        let targetNode = try self.layout.directory(of: target)
        let taken = try self.existingNode(target)
        guard let node = try self.existingNode(name) else {
            if taken != nil { return }
            throw StoreError(.notFound, "mailbox \(name)")
        }
        if node == targetNode { return }
        guard taken == nil else { throw StoreError(.alreadyExists, "mailbox \(target)") }
        let root = try self.directory()
        if self.layout.layout == .directories {
            let mode = (root.ownStatus?.st_mode ?? 0o700) & 0o2777 | 0o700
            try self.makeDirectories(above: targetNode, in: root, mode)
            // One that is there with nothing in it is in nobody's way; one with other mailboxes is.
            _ = root.removeDirectory(RelativePath(targetNode))
        }
        let result = root.rename(RelativePath(node), RelativePath(targetNode))
        if result == -ENOTEMPTY || result == -EEXIST {
            throw StoreError(.alreadyExists, "there are mailboxes below \(target)")
        }
        guard result == 0 else { throw StoreError.system("rename mailbox \(name) to \(target)", result) }
        try self.renameControl(of: node, to: targetNode)
        if self.layout.layout == .directories { self.removeEmptyParents(of: node, in: root) }
    }

    // MARK: Text files

    func nextUIDValidity(now: Int64) throws(StoreError) -> UIDValidity {
        try UIDValidityFile(directory: try self.controlDirectory()).next(now: now) { self.highestUIDValidity() }
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
        let root = try self.controlDirectory()
        if let content = try FileContent.read(self.subscriptionsPath, in: root) {
            return SubscriptionsFile(content.bytes, self.layout.codec).names
        }
        return try self.courierSubscriptions(root)?.names ?? []
    }

    /// What Courier has in its file, where no other server had the mail since; with `INBOX.` before each name.
    private func courierSubscriptions(_ root: DirectoryHandle) throws(StoreError) -> SubscriptionsFile? {
        guard self.layout.layout == .maildirPlusPlus,
            let content = try FileContent.read(RelativePath("courierimapsubscribed"), in: root)
        else { return nil }
        var lines: [UInt8] = []
        for line in content.bytes.split(separator: 0x0A) {
            lines.append(contentsOf: line.starts(with: "INBOX.".utf8) ? line.dropFirst(6) : line)
            lines.append(0x0A)
        }
        let found = SubscriptionsFile(lines, self.layout.codec)
        // New files are of the newer version.
        var file = SubscriptionsFile(self.layout.codec)
        _ = file.set(found.names)
        return file
    }

    func setSubscriptions(_ names: [MailboxName]) throws(StoreError) {
        let root = try self.controlDirectory()
        let lock = try DotLock(self.subscriptionsPath, in: root, self.shared.options, staleAfter: 30)
        let content = try FileContent.read(self.subscriptionsPath, in: root)
        var file = content.map { SubscriptionsFile($0.bytes, self.layout.codec) }
        if file == nil { file = try self.courierSubscriptions(root) }
        var changed = file ?? SubscriptionsFile(self.layout.codec)
        guard changed.set(names) else { return }
        let mode = (root.ownStatus?.st_mode ?? 0o700) & 0o666 | 0o600
        try lock.replace(with: changed.encoded(), mode: mode, sync: self.shared.options.syncTextFiles)
    }

    // MARK: Directories

    /// Makes the root and what is missing above it.
    static func makeRoot(_ root: [UInt8]) throws(StoreError) {
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
