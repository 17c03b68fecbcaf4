internal import Glibc
internal import LMDB
internal import MIMECore
internal import MailCore
internal import MailStore
internal import Threads

/// Makes the signatures and header keys that messages lack, behind everybody's back: those of an index of an earlier release, of one made
/// again from the log, and of messages that another program put into a Maildir. What there is to do stands in the index
/// (`unsigned`), so that it goes on where it stopped. Until a message has its signature, searches look into it.
///
/// Belongs to the indexer's thread.
final class SignatureWork {
    private let volume: Volume
    private let indexer: SignatureIndexer

    /// Messages signed since there was nothing to do, and when that was told last.
    private var signed = 0
    private var begun: UInt64 = 0
    private var told: UInt64 = 0
    private var hasFailed = false

    private static let tellingInterval: UInt64 = 60_000_000_000
    /// Messages below which nothing is told.
    private static let worthTelling = 1000
    /// Messages read at a time, those whose keys come from their caches, rows looked at to find them, and octets of them in memory.
    private static let batchMessages = 64
    private static let batchKeys = 512
    private static let batchRows = 8192
    private static let batchOctets = 8 << 20

    init(_ volume: Volume, _ indexer: SignatureIndexer) {
        self.volume = volume
        self.indexer = indexer
    }

    private var mustStop: Bool { self.indexer.isClosing || self.volume.committer.failure != nil }

    /// Looks once over the mailboxes that lack some.
    func round() {
        do throws(StoreError) {
            try self.work()
            self.hasFailed = false
        } catch {
            if !self.mustStop, !self.hasFailed { self.tell(.warning, "search index: \(error). Tried again and again") }
            self.hasFailed = true
        }
    }

    private func work() throws(StoreError) {
        // What is queued belongs to it.
        if self.indexer.isAwaited { try self.volume.waitApplied(self.volume.committer.lastTicket) }
        var failure: StoreError?
        var next: MailboxKey? = MailboxKey(account: 0, mailbox: 0)
        while let start = next, let mark = try self.mark(from: start), !self.mustStop {
            do throws(StoreError) {
                try self.sign(mark)
            } catch {
                // The mail of one account that is away keeps nobody else's waiting.
                failure = error
            }
            next =
                mark.key.mailbox < .max
                ? MailboxKey(account: mark.key.account, mailbox: mark.key.mailbox + 1)
                : mark.key.account < .max ? MailboxKey(account: mark.key.account + 1, mailbox: 0) : nil
        }
        if let failure { throw failure }
        // The notes are on their way: a round is done when they have arrived.
        self.volume.applier.drain()
        guard self.begun > 0, !self.mustStop, try self.mark(from: MailboxKey(account: 0, mailbox: 0)) == nil else {
            return
        }
        if self.signed >= Self.worthTelling {
            let seconds = (SteadyClock.nanoseconds() &- self.begun) / 1_000_000_000
            self.tell(.notice, "search index: complete; \(self.signed) messages in \(seconds) seconds")
        }
        self.signed = 0
        self.begun = 0
    }

    /// A mailbox that may have messages without signatures, from a UID on.
    private struct Mark {
        var key: MailboxKey
        var first: UID
    }

    private func mark(from start: MailboxKey) throws(StoreError) -> Mark? {
        let schema = self.volume.schema
        return try schema.read { (transaction) throws(LMDBError) -> Mark? in
            let cursor = try transaction.cursor(schema.unsigned)
            var entry = try cursor.seek(IndexSchema.key(start))
            while let found = entry {
                if let uid = IndexSchema.uid(of: found.value) {
                    return Mark(
                        key: MailboxKey(
                            account: IndexSchema.number(0, of: found.key), mailbox: IndexSchema.number(4, of: found.key)
                        ),
                        first: uid)
                }
                entry = try cursor.next()
            }
            return nil
        }
    }

    private func sign(_ mark: Mark) throws(StoreError) {
        let schema = self.volume.schema
        guard let account = try schema.accountRow(mark.key.account), let head = try schema.head(mark.key) else {
            return
        }
        if self.begun == 0 {
            self.begun = SteadyClock.nanoseconds()
            self.told = self.begun
            let count = try self.waiting()
            if count >= Self.worthTelling {
                self.tell(
                    .notice,
                    "search index: up to \(count) messages lack their entries; made in the background, until "
                        + "then searches read these messages")
            }
        }
        let reader = Reader(volume: self.volume, identity: account.identity, name: head.name)
        var next: UID? = mark.first
        while let first = next, !self.mustStop {
            let start = SteadyClock.nanoseconds()
            let batch = try self.batch(mark.key, from: first)
            var octets = 0
            for (uid, keys) in batch.keys {
                octets += keys.count
                self.volume.applier.add(.derived(mark.key, uid, DerivedRows(headerKeys: keys)))
                self.signed += 1
            }
            for row in batch.missing {
                do throws(StoreError) {
                    let message = try reader.octets(of: row)
                    octets += message.count
                    self.volume.applier.add(.derived(mark.key, row.uid, CacheBuilder.build(message)))
                    self.signed += 1
                } catch {
                    // What is gone or damaged needs no signature. Anything else will pass.
                    guard error.code == .expunged || error.code == .damaged else { throw error }
                }
            }
            if let failure = self.volume.applier.waitForRoom() { throw failure }
            self.volume.applier.add(.signed(mark.key, through: batch.last))
            next = batch.isEnd ? nil : UID(rawValue: batch.last.rawValue &+ 1)
            self.rest(after: start, octets)
            self.tellProgress()
        }
    }

    private struct Batch {
        /// Messages that must be read: those without a signature of this version, and those without keys and cache.
        var missing: [NewMessage] = []
        /// Keys made from caches, of messages that lack nothing else.
        var keys: [(uid: UID, keys: [UInt8])] = []
        /// The last message looked at.
        var last: UID
        var isEnd = true
    }

    private func batch(_ key: MailboxKey, from first: UID) throws(StoreError) -> Batch {
        let schema = self.volume.schema
        return try schema.read { (transaction) throws(LMDBError) in
            var batch = Batch(last: first)
            var rows = 0
            var octets = 0
            let prefix = IndexSchema.key(key)
            let messages = try transaction.cursor(schema.messages)
            let signatures = try transaction.cursor(schema.signatures)
            var entry = try messages.seek(IndexSchema.key(key, first))
            var signature = try signatures.seek(IndexSchema.key(key, first))
            while let found = entry, found.key.starts(with: prefix),
                let uid = UID(rawValue: IndexSchema.lastNumber(of: found.key))
            {
                guard rows < Self.batchRows, batch.keys.count < Self.batchKeys,
                    batch.missing.count < Self.batchMessages, octets < Self.batchOctets
                else {
                    batch.isEnd = false
                    break
                }
                rows += 1
                batch.last = uid
                while let known = signature, known.key.starts(with: prefix),
                    IndexSchema.lastNumber(of: known.key) < uid.rawValue
                {
                    signature = try signatures.next()
                }
                let isSigned =
                    signature.map { $0.key.elementsEqual(found.key) && TextSignature.View($0.value) != nil } ?? false
                let hasKeys =
                    try transaction.get(schema.headerKeys, found.key).map { HeaderKeys.View($0) != nil } ?? false
                var made: [UInt8]?
                if isSigned, !hasKeys {
                    made = try transaction.get(schema.caches, found.key).flatMap { CacheBuilder.headerKeys($0) }
                }
                if let made {
                    batch.keys.append((uid, made))
                } else if !isSigned || !hasKeys {
                    var reader = ByteReader(found.value)
                    if let row = reader.readRow(uid) {
                        batch.missing.append(row)
                        octets += Int(row.size)
                    }
                }
                entry = try messages.next()
            }
            return batch
        }
    }

    /// Leaves half of the time, and what the disk can do beyond the budget, to others.
    private func rest(after start: UInt64, _ octets: Int) {
        let rate = UInt64(max(0, self.volume.configuration.backgroundRate))
        guard octets > 0, rate > 0 else { return }
        let now = SteadyClock.nanoseconds()
        let end = max(now &+ (now &- start), start &+ UInt64(octets) &* 1_000_000_000 / rate)
        self.indexer.pause(until: end)
    }

    // MARK: Telling

    /// Messages of the mailboxes that lack some.
    private func waiting() throws(StoreError) -> Int {
        let schema = self.volume.schema
        return try schema.read { (transaction) throws(LMDBError) in
            var count = 0
            let cursor = try transaction.cursor(schema.unsigned)
            var entry = try cursor.first()
            while let found = entry {
                if let head = try transaction.get(schema.mailboxes, found.key).flatMap({ MailboxHead($0, restarts: 0) })
                {
                    count += head.counters.messages
                }
                entry = try cursor.next()
            }
            return count
        }
    }

    private func tellProgress() {
        let now = SteadyClock.nanoseconds()
        guard self.signed >= Self.worthTelling, now &- self.told >= Self.tellingInterval else { return }
        self.told = now
        guard let left = try? self.waiting() else { return }
        self.tell(.notice, "search index: \(self.signed) messages done, up to \(left) to go")
    }

    private func tell(_ level: IndexedStore.LogLevel, _ text: String) { self.volume.configuration.log(level, text) }

    /// Reads the messages of one mailbox wherever they are.
    private struct Reader {
        let volume: Volume
        let identity: AccountIdentity
        let name: MailboxName

        func octets(of row: NewMessage) throws(StoreError) -> MessageOctets {
            if let id = row.location.bodyID { return try self.volume.readBody(id) }
            let format = try self.volume.configuration.format(of: self.identity)
            var status = stat()
            // Opening an account makes its directory, which must not come back when somebody has removed it.
            try format.refuseMissing(self.name.isInbox ? .inbox : .mailboxes, of: self.identity)
            return try self.identity.asOwner { () throws(StoreError) in
                guard stat(self.identity.mailPath, &status) == 0 else { throw StoreError(.expunged) }
                let files: any MailboxFiles
                do throws(StoreError) {
                    files = try format.openAccount(self.identity).mailbox(self.name)
                } catch {
                    throw error.code == .notFound ? StoreError(.expunged, error.detail) : error
                }
                return try files.read(row.location, flags: FileFlags(row.flags))
            }
        }
    }
}
