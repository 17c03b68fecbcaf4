import Glibc
import IndexedStore
import MailStore
import Synchronization

/// Whether the mail of an account is where it should be.
///
/// A file system that is not mounted leaves an empty directory in its place, or none. Made anew, the account would be an
/// empty one, and the index would follow: every message would be a new one when its files are back.
extension MaildirAccount {
    /// Makes what is missing of the account's directories.
    func makeRoots() throws(StoreError) {
        try Self.makeRoot(self.root)
        if let control = self.controlRoot { try Self.makeRoot(control) }
        let directory = try self.directory()
        if self.inboxDirectory.isEmpty {
            try Self.makeFolders(in: directory)
        } else {
            try Self.makeRoot(self.absolute(self.inboxDirectory))
            guard let inbox = directory.subdirectory(RelativePath(self.inboxDirectory)) else {
                throw StoreError(
                    .cannot, "\(String(decoding: self.absolute(self.inboxDirectory), as: UTF8.self)) cannot be opened")
            }
            try Self.makeFolders(in: inbox)
        }
        self.emptyTrash(directory)
    }

    func expect(_ known: KnownMail) { self.known.store(known.rawValue, ordering: .relaxed) }

    /// Notes that there is mail.
    func noteMail(_ mail: KnownMail) {
        guard self.known.load(ordering: .relaxed) & mail.rawValue != mail.rawValue else { return }
        self.known.bitwiseOr(mail.rawValue, ordering: .relaxed)
    }

    /// Where INBOX is elsewhere, the root may be empty after our own deletion of a mailbox.
    func noteDeletion() {
        guard self.inboxDirectory.first == 0x2F else { return }
        self.known.bitwiseAnd(~KnownMail.mailboxes.rawValue, ordering: .relaxed)
    }

    /// Makes what is missing of INBOX's folders, unless all of the account's mail is away.
    func completeInbox(_ inbox: DirectoryHandle) throws(StoreError) {
        if try !inbox.hasDirectory(RelativePath("cur")) { try self.checkPresent() }
        try Self.makeFolders(in: inbox)
    }

    /// Throws `.temporary` when nothing is there of the mail that is known to be.
    func checkPresent() throws(StoreError) {
        guard let place = try self.missingPlace() else { return }
        throw StoreError(.temporary, "nothing of the mail is in \(place) any more: is its file system mounted?")
    }

    func missingPlace() throws(StoreError) -> String? {
        try self.missingPlace(KnownMail(rawValue: self.known.load(ordering: .relaxed)))
    }

    /// The directory that should have the known mail in it and has nothing of it, or is not there.
    func missingPlace(_ known: KnownMail) throws(StoreError) -> String? {
        guard !known.isEmpty else { return nil }
        let inbox = self.absolute(self.inboxDirectory)
        let root = String(decoding: self.root, as: UTF8.self)
        if self.inboxDirectory.first == 0x2F {
            // Two places, either of which may be on a file system of its own.
            if known.contains(.inbox), try !Self.isMaildir(at: inbox) { return String(decoding: inbox, as: UTF8.self) }
            if known.contains(.mailboxes), try Self.isEmpty(self.root) { return root }
            return nil
        }
        if try Self.isMaildir(at: inbox) { return nil }
        // Without INBOX, which somebody may have removed, other mailboxes show that the rest is there.
        guard let directory = try Self.opened(self.root) else { return root }
        return try self.mailboxes(in: directory).count > 1 ? nil : root
    }

    /// Whether there is anything of a mailbox, however little somebody has left of it. Text files say nothing: we may
    /// have written them where nothing is mounted.
    private static func isMaildir(at path: [UInt8]) throws(StoreError) -> Bool {
        guard let directory = try self.opened(path) else { return false }
        for part: StaticString in ["cur", "new", "tmp"]
        where directory.targetStatus(RelativePath(part)) != nil { return true }
        return false
    }

    private static func isEmpty(_ path: [UInt8]) throws(StoreError) -> Bool {
        guard let directory = try self.opened(path) else { return true }
        var isEmpty = true
        try directory.forEachName(in: RelativePath(".")) { name in
            if !name.elementsEqual("lost+found".utf8) { isEmpty = false }
            return isEmpty
        }
        return isEmpty
    }

    /// `nil` when there is no such directory.
    private static func opened(_ path: [UInt8]) throws(StoreError) -> DirectoryHandle? {
        do throws(StoreError) {
            return try DirectoryHandle.open(path)
        } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
    }
}
