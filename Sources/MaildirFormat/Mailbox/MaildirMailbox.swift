import CLinux
import Glibc
import IndexedStore
import MailCore
import MailStore
import Synchronization

/// The files of one mailbox: `new/`, `cur/`, `tmp/`, `dovecot-uidlist`, `dovecot-keywords`.
///
/// `read`, `prepare` and `prepareLink` may run in parallel; whatever changes the text files or looks at them
/// is serialized by `state`.
final class MaildirMailbox: MailboxFiles {
    let account: MaildirAccount
    /// Absolute, without a slash at the end.
    let path: [UInt8]
    /// Where its text files are; `nil`: with the messages.
    let controlPath: [UInt8]?
    let fileSystem: UInt64?
    let state = Mutex(State())
    let key: UInt64
    private let controlKey: UInt64

    /// What is remembered of the text files.
    struct State: Sendable {
        /// The state of `dovecot-uidlist` that `tail` describes.
        var uidList: UIDListTail?
        var keywords = KeywordsFile()
        /// The state of `dovecot-keywords` that `keywords` was read from; `nil`: not read yet, or no file.
        var keywordsIdentity: FileIdentity?
        var sweptTemporary = false
    }

    /// Which base names are taken; filled when a copy first asks.
    let takenNames = Mutex(TakenNames())

    static let uidListPath = RelativePath("dovecot-uidlist")
    static let courierListPath = RelativePath("courierimapuiddb")
    static let keywordsPath = RelativePath("dovecot-keywords")

    /// - Parameter directory: relative to the account's root, empty for the root, or absolute.
    init(_ account: MaildirAccount, _ directory: [UInt8]) throws(StoreError) {
        self.account = account
        self.path = account.absolute(directory)
        self.controlPath = account.controlRoot.map { account.counterpart(of: directory, below: $0) }
        self.key = account.shared.directories.makeKey()
        self.controlKey = account.shared.directories.makeKey()
        let handle = try account.shared.directories.handle(self.key, at: self.path)
        self.fileSystem = handle.ownStatus.map { UInt64($0.st_dev) }
        if !directory.isEmpty { try self.makeFolders(in: handle) }
    }

    deinit {
        self.account.shared.directories.forget(self.key)
        self.account.shared.directories.forget(self.controlKey)
    }

    var options: MaildirOptions { self.account.shared.options }

    var pathText: String { String(decoding: self.path, as: UTF8.self) }

    /// The mailbox's directory, open.
    func directory() throws(StoreError) -> DirectoryHandle {
        do throws(StoreError) {
            return try self.account.shared.directories.handle(self.key, at: self.path)
        } catch {
            if error.code == .notFound { try self.account.checkPresent() }
            throw error
        }
    }

    /// `directory()` if it is held open.
    var heldDirectory: DirectoryHandle? { self.account.shared.directories.held(self.key) }

    /// The directory of the text files, made where it is missing.
    func textDirectory() throws(StoreError) -> DirectoryHandle {
        guard let path = self.controlPath else { return try self.currentDirectory() }
        let cache = self.account.shared.directories
        if let held = try? cache.handle(self.controlKey, at: path) {
            if let status = held.ownStatus, status.st_nlink > 0, Self.isStill(held, at: path) { return held }
            cache.forget(self.controlKey)
        }
        try MaildirAccount.makeRoot(path)
        return try cache.handle(self.controlKey, at: path)
    }

    private static func isStill(_ held: DirectoryHandle, at path: [UInt8]) -> Bool {
        var now = stat()
        guard RelativePath(path).withCString({ stat($0, &now) }) == 0, let own = held.ownStatus else { return false }
        return now.st_ino == own.st_ino && now.st_dev == own.st_dev
    }

    /// The directory opened again; `nil` when the one held is still the mailbox's.
    func reopenedDirectory(after stale: DirectoryHandle) -> DirectoryHandle? {
        let now = RelativePath(self.path).withCString { path -> stat? in
            var status = stat()
            return stat(path, &status) == 0 ? status : nil
        }
        if let now, let held = stale.ownStatus, now.st_ino == held.st_ino, now.st_dev == held.st_dev {
            return nil
        }
        self.account.shared.directories.forget(self.key)
        return try? self.directory()
    }

    /// Makes what is missing of the folders in the mailbox's directory.
    func makeFolders(in directory: DirectoryHandle) throws(StoreError) {
        if self.isInbox {
            try self.account.completeInbox(directory)
        } else {
            try MaildirAccount.makeFolders(in: directory)
        }
    }

    /// Permissions for new text files: those of the mailbox's directory, as Dovecot takes them, and at least ours.
    func fileMode() -> mode_t {
        ((try? self.directory())?.ownStatus?.st_mode ?? 0o700) & 0o666 | 0o600
    }

    func fingerprint() -> UInt64 {
        var mix = FingerprintMix()
        guard var directory = try? self.directory() else { return mix.value }
        if let again = self.reopenedDirectory(after: directory) { directory = again }
        mix.add(directory.targetStatus(RelativePath("new")))
        mix.add(directory.targetStatus(RelativePath("cur")))
        let texts = self.controlPath == nil ? directory : (try? self.textDirectory()) ?? directory
        mix.add(texts.status(Self.uidListPath))
        mix.add(texts.status(Self.keywordsPath))
        return mix.value
    }

    var isSettled: Bool { (try? self.directory()).map { MaildirListing.isSettled($0) } ?? true }

    func lastForeignUse() -> Int64? {
        let directory =
            self.account.indexRoot.map { root in
                self.account.counterpart(of: self.directoryInAccount, below: root)
            } ?? self.path
        var latest: Int64?
        // Changes are appended to the log; the index is written anew now and then.
        for name in ["/dovecot.index.log", "/dovecot.index"] {
            var status = stat()
            guard RelativePath(directory + Array(name.utf8)).withCString({ stat($0, &status) }) == 0 else { continue }
            latest = max(latest ?? 0, Int64(status.st_mtim.tv_sec))
        }
        return latest
    }

    var isInbox: Bool { self.path == self.account.absolute(self.account.inboxDirectory) }

    /// As the account's methods take it.
    private var directoryInAccount: [UInt8] {
        if self.isInbox { return self.account.inboxDirectory }
        return Array(self.path.dropFirst(self.account.root.count + 1))
    }

    var watchedDirectories: [String] { ["\(self.pathText)/new", "\(self.pathText)/cur"] }

    var watchedHomes: [String] {
        let root = self.account.root
        guard self.path.count > root.count + 1, self.path.starts(with: root), self.path[root.count] == 0x2F else {
            return self.path == root ? [] : [self.pathText]
        }
        var homes: [String] = []
        for index in self.path.indices where index > root.count && self.path[index] == 0x2F {
            homes.append(String(decoding: self.path[..<index], as: UTF8.self))
        }
        return homes + [self.pathText]
    }

    func flush() throws(StoreError) {
        self.account.shared.listings.expire()
        self.takenNames.withLock { $0.expire(now: self.options.clock().seconds) }
        let directory = try self.directoryOfFileSystem()
        guard martlet_syncfs(directory.descriptor) == 0 else {
            let number = errno
            guard [EIO, ENOSPC, EDQUOT].contains(number) else { throw StoreError.fromErrno("syncfs \(self.pathText)") }
            throw StoreError(.damaged, "syncfs \(self.pathText): \(String(cString: strerror(number)))")
        }
    }

    /// The mailbox's directory, or that of its account when the mailbox was deleted or renamed meanwhile: one file
    /// system holds both, and what others did on it waits for the same sync.
    private func directoryOfFileSystem() throws(StoreError) -> DirectoryHandle {
        do throws(StoreError) {
            return try self.directory()
        } catch {
            guard error.code == .notFound, self.path.count > self.account.root.count else { throw error }
            return try DirectoryHandle.open(self.account.root)
        }
    }

    // MARK: Names in new/ and cur/

    /// A base name that can stand in a path; `.damaged` when an index gives something else.
    func base(_ location: BodyLocation) throws(StoreError) -> [UInt8] {
        guard MaildirFilename.isEntryName(location.bytes), !location.bytes.contains(0x3A) else {
            throw StoreError(.damaged, "not a file name: \(location.bytes.prefix(80))")
        }
        return location.bytes
    }

    /// Where a message is when its name shows `flags`: first the likely place.
    func likelyPaths(_ base: [UInt8], _ flags: FileFlags) throws(StoreError) -> [RelativePath] {
        Self.likelyPaths(base, flags.flags, letters: try self.knownLetters(flags.keywords))
    }

    /// - Parameter letters: of its keywords.
    static func likelyPaths(_ base: [UInt8], _ flags: MessageFlags, letters: UInt32) -> [RelativePath] {
        let inCur = RelativePath(.cur, base, MaildirFilename.info(flags, keywordLetters: letters))
        let inNew = RelativePath(.new, base)
        return flags.isEmpty && letters == 0 ? [inNew, inCur] : [inCur, inNew]
    }

    /// A message's file as a listing shows it.
    struct FoundFile {
        var path: RelativePath
        var folder: RelativePath.Folder
        /// The whole entry name.
        var name: [UInt8]
    }

    /// Looks for a base name whose file has another name than its flags say.
    func find(_ base: [UInt8], in directory: DirectoryHandle) throws(StoreError) -> FoundFile? {
        let listings = self.account.shared.listings
        if let found = listings.name(of: base, key: self.key), directory.status(found.path) != nil { return found }
        if try listings.renew(directory, key: self.key), let found = listings.name(of: base, key: self.key),
            directory.status(found.path) != nil
        {
            return found
        }
        if listings.isComplete(directory, key: self.key) { return nil }
        return try self.findListing(base, in: directory)
    }

    /// Looks for a base name by listing `new/` and then `cur/`, in which order a file that moves on is seen.
    ///
    /// A listing made while files are renamed can miss both names of one; so only a directory that stood still
    /// meanwhile proves that the file is gone. With others renaming all the time it is looked for 16 times.
    private func findListing(_ base: [UInt8], in directory: DirectoryHandle) throws(StoreError) -> FoundFile? {
        for _ in 0..<16 {
            let before = MaildirListing.state(directory)
            for folder in [RelativePath.Folder.new, .cur] {
                var found: [UInt8]?
                try directory.forEachName(in: RelativePath(folder.name)) { name in
                    guard name.count >= base.count, MaildirFilename.baseLength(name) == base.count,
                        name.prefix(base.count).elementsEqual(base)
                    else { return true }
                    found = Array(name)
                    return false
                }
                if let found {
                    return FoundFile(path: RelativePath(folder, found), folder: folder, name: found)
                }
            }
            if before == MaildirListing.state(directory) { return nil }
        }
        return nil
    }
}
