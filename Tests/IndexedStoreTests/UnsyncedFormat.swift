import Glibc
import IndexedStore
import MailCore
import MailStore
import MaildirFormat
import Synchronization

/// How many mailboxes can still be renamed, or deleted; `nil`: all.
final class RenameLimit: Sendable {
    private let left = Mutex<Int?>(nil)
    func set(_ left: Int?) { self.left.withLock { $0 = left } }

    /// A mailbox whose rename the disk will never take.
    let impossible = Mutex<MailboxName?>(nil)

    func take(_ name: MailboxName) throws(StoreError) {
        if self.impossible.withLock({ $0 }) == name { throw StoreError(.cannot, "name too long") }
        let isLeft = self.left.withLock { left -> Bool in
            guard let count = left else { return true }
            left = max(0, count - 1)
            return count > 0
        }
        guard isLeft else { throw StoreError(.diskFull, "no rename, no deletion") }
    }
}

/// How often mail that is away was looked for.
final class LookCount: Sendable {
    private let value = Mutex(0)
    var count: Int { self.value.withLock { $0 } }
    func add() { self.value.withLock { $0 += 1 } }
}

/// Whether mailboxes cannot be listed.
final class ListingFault: Sendable {
    let isThere = Mutex(false)
}

/// Scans of mailboxes that were seen before.
final class ScanWatch: Sendable {
    /// Where each of them waits when it has looked at the files.
    let looked = Turnstile(0)
    /// Scans that asked for the status of every file.
    let whole = Mutex(0)
}

/// Maildirs on a file system whose sync never succeeds: the log must then keep every message, and a power loss
/// may take every message file.
struct UnsyncedFormat: BodyFormat {
    let format: MaildirFormat
    /// Whether subscriptions and access control lists can be written.
    var writesLists = true
    var renames = RenameLimit()
    var deletions = RenameLimit()
    /// Whether syncs succeed all the same.
    var isSynced = false
    var looks = LookCount()
    var listing = ListingFault()
    var scans = ScanWatch()

    func openAccount(_ identity: AccountIdentity) throws(StoreError) -> any AccountFiles {
        UnsyncedAccount(
            files: try self.format.openAccount(identity), writesLists: self.writesLists, renames: self.renames,
            deletions: self.deletions, isSynced: self.isSynced, listing: self.listing,
            scans: self.scans)
    }
    func missingPlace(of identity: AccountIdentity, _ known: KnownMail) throws(StoreError) -> String? {
        self.looks.add()
        return try self.format.missingPlace(of: identity, known)
    }
}

private struct UnsyncedAccount: AccountFiles {
    let files: any AccountFiles
    let writesLists: Bool
    let renames: RenameLimit
    let deletions: RenameLimit
    let isSynced: Bool
    let listing: ListingFault
    let scans: ScanWatch

    func expect(_ known: KnownMail) { self.files.expect(known) }
    func missingPlace() throws(StoreError) -> String? { try self.files.missingPlace() }

    func mailboxes() throws(StoreError) -> [MailboxName] {
        if self.listing.isThere.withLock({ $0 }) { throw StoreError(.temporary, "too many open files") }
        return try self.files.mailboxes()
    }
    func mailboxListFingerprint() -> UInt64 { self.files.mailboxListFingerprint() }
    var unnamedDirectories: [String] { self.files.unnamedDirectories }
    var isMailboxListSettled: Bool { self.files.isMailboxListSettled }
    func mailbox(_ name: MailboxName) throws(StoreError) -> any MailboxFiles {
        UnsyncedMailbox(isSynced: self.isSynced, scans: self.scans, files: try self.files.mailbox(name))
    }
    func createMailbox(_ name: MailboxName, _ header: MailboxHeader) throws(StoreError) -> any MailboxFiles {
        UnsyncedMailbox(isSynced: self.isSynced, scans: self.scans, files: try self.files.createMailbox(name, header))
    }
    func deleteMailbox(_ name: MailboxName) throws(StoreError) {
        try self.deletions.take(name)
        try self.files.deleteMailbox(name)
    }
    func renameMailbox(_ name: MailboxName, to target: MailboxName) throws(StoreError) {
        try self.renames.take(name)
        try self.files.renameMailbox(name, to: target)
    }
    func nextUIDValidity(now: Int64) throws(StoreError) -> UIDValidity {
        try self.files.nextUIDValidity(now: now)
    }
    func subscriptions() throws(StoreError) -> [MailboxName] { try self.files.subscriptions() }
    func setSubscriptions(_ names: [MailboxName]) throws(StoreError) {
        guard self.writesLists else { throw StoreError(.temporary, "no subscriptions") }
        try self.files.setSubscriptions(names)
    }
    var keepsAccessLists: Bool { self.files.keepsAccessLists }
    func accessListFingerprint(of name: MailboxName) -> UInt64 { self.files.accessListFingerprint(of: name) }
    func accessList(of name: MailboxName) throws(StoreError) -> [UInt8] { try self.files.accessList(of: name) }
    func setAccessList(_ text: [UInt8], of name: MailboxName) throws(StoreError) {
        guard self.writesLists else { throw StoreError(.temporary, "no access control lists") }
        try self.files.setAccessList(text, of: name)
    }
}

private struct UnsyncedMailbox: MailboxFiles {
    let isSynced: Bool
    let scans: ScanWatch
    let files: any MailboxFiles

    func scan() throws(StoreError) -> MailboxScan {
        self.scans.whole.withLock { $0 += 1 }
        return try self.files.scan()
    }
    func scan(besides known: KnownMessages) throws(StoreError) -> MailboxScan {
        let scan = try self.files.scan(besides: known)
        self.scans.looked.pass()
        return scan
    }
    func fingerprint() -> UInt64 { self.files.fingerprint() }
    var isSettled: Bool { self.files.isSettled }
    var watchedDirectories: [String] { self.files.watchedDirectories }
    func prepare(_ octets: MessageOctets, flags: FileFlags, internalDate: Int64) throws(StoreError)
        -> PreparedBody
    {
        try self.files.prepare(octets, flags: flags, internalDate: internalDate)
    }
    func prepareLink(
        to source: PreparedBody, flags: FileFlags, internalDate: Int64
    ) throws(StoreError) -> PreparedBody? {
        try self.files.prepareLink(to: source, flags: flags, internalDate: internalDate)
    }
    func publish(_ body: PreparedBody, flags: FileFlags) throws(StoreError) {
        try self.files.publish(body, flags: flags)
    }
    func discard(_ body: PreparedBody) { self.files.discard(body) }
    func restore(
        _ octets: MessageOctets, at location: BodyLocation, flags: FileFlags, internalDate: Int64
    ) throws(StoreError) {
        try self.files.restore(octets, at: location, flags: flags, internalDate: internalDate)
    }
    func prepareCopy(
        of location: BodyLocation, flags: FileFlags, in source: any MailboxFiles, as target: FileFlags
    ) throws(StoreError) -> PreparedBody {
        let source = (source as? UnsyncedMailbox)?.files ?? source
        return try self.files.prepareCopy(of: location, flags: flags, in: source, as: target)
    }
    func record(_ rows: [UIDListRow], header: MailboxHeader) throws(StoreError) {
        try self.files.record(rows, header: header)
    }
    func setFlags(_ location: BodyLocation, from old: FileFlags, to new: FileFlags) throws(StoreError) {
        try self.files.setFlags(location, from: old, to: new)
    }
    func remove(_ location: BodyLocation, flags: FileFlags) throws(StoreError) {
        try self.files.remove(location, flags: flags)
    }
    func read(_ location: BodyLocation, flags: FileFlags) throws(StoreError) -> MessageOctets {
        try self.files.read(location, flags: flags)
    }
    func flush() throws(StoreError) {
        guard self.isSynced else { throw StoreError(.temporary, "no sync") }
        try self.files.flush()
    }
}
