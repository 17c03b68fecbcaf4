internal import Glibc
internal import MailCore
internal import MailStore
internal import Synchronization

/// What all parts of an open account share: its number, its place, its files and its volume.
final class AccountCore: Sendable {
    let id: UInt32
    let identity: AccountIdentity
    let files: any AccountFiles
    /// Where its messages are.
    let home: BodyHome
    let volume: Volume
    /// The device that holds the root of the account's files.
    let fileSystem: UInt64
    /// Shared with whom it may concern.
    let feed = AccountFeed()
    let quota: QuotaLedger
    /// After a crash what was written to it last may be missing.
    let trustsSizeFile: Atomic<Bool>

    /// Set when its mailboxes are shut because it moves: whoever wants the account takes another object.
    private let retired = Atomic(false)

    /// Set when the account goes to another volume: nothing enters the log for it through this object.
    let hasLeft = Atomic(false)

    /// The highest UIDVALIDITY given by this account so far.
    private let lastUIDValidity: Mutex<UInt32>

    init(
        id: UInt32, identity: AccountIdentity, files: any AccountFiles, home: BodyHome, lastUIDValidity: UInt32,
        volume: Volume, quotaLimits: QuotaLimits? = nil
    ) {
        self.id = id
        self.identity = identity
        self.files = files
        self.home = home
        self.lastUIDValidity = Mutex(lastUIDValidity)
        self.volume = volume
        self.trustsSizeFile = Atomic(volume.wasClean)
        self.quota = QuotaLedger(
            identity, limits: quotaLimits, report: volume.configuration.quotaCrossed)
        var status = stat()
        self.fileSystem = stat(identity.mailPath, &status) == 0 ? UInt64(status.st_dev) : 0
    }

    var isRetired: Bool { self.retired.load(ordering: .acquiring) }

    func retire() { self.retired.store(true, ordering: .releasing) }

    /// Throws when nothing of the account is to be used through this object any more.
    func checkInUse() throws(StoreError) {
        guard !self.isRetired else { throw StoreError(.temporary, "account moves") }
    }

    /// Throws when the account is in another volume by now.
    func checkPresent() throws(StoreError) {
        guard !self.hasLeft.load(ordering: .acquiring) else { throw StoreError(.temporary, "account moves") }
    }

    /// Runs file work under the ids that own the account's files.
    func asOwner<R>(_ body: () throws(StoreError) -> R) throws(StoreError) -> R {
        // Nothing in the log belongs to a user.
        if self.home == .log { return try body() }
        return try self.identity.asOwner(body)
    }

    /// A UIDVALIDITY that no mailbox of the account has had. Under the owner's ids.
    func nextUIDValidity(now: Int64) throws(StoreError) -> UIDValidity {
        let wanted = try self.files.nextUIDValidity(now: now)
        let value = self.lastUIDValidity.withLock { last in
            last = max(wanted.rawValue, last < .max ? last + 1 : last)
            return last
        }
        return UIDValidity(rawValue: value) ?? wanted
    }
}
