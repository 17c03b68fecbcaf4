import Accounts
import ArchiveCore
import Authentication
import Glibc
import MailCore
import MailStore
import SieveStorage

/// `backup` and `export`: sends an account as it is at one moment, octet for octet (Documentation/backup.md).
struct BackupCommand {
    private let options: UpkeepVerb.BackupOptions
    private let user: UserRecord
    private let context: AdminContext
    private var writer = BackupWriter()
    private var buffer: [UInt8] = []
    private var hasProblems = false

    /// An earlier backup, as far as an increment needs to know it.
    private struct Base {
        struct Box {
            var uidValidity: UIDValidity?
            var modSeq: ModSeq
            var uids = UIDSet()
        }

        var id: BackupID
        /// By GUID.
        var boxes: [String: Box] = [:]
    }

    private static let rowSize = 128 << 10

    static func run(
        _ options: UpkeepVerb.BackupOptions, _ user: UserRecord, _ context: AdminContext,
        _ output: inout some AdminOutput
    ) async throws(AdminError) -> AdminExit {
        guard let store = context.store as? any StoreUpkeep else { throw AdminError(.usage, "no backups here") }
        let account = try await Self.onStore { () throws(StoreError) in
            try await context.accounts.kept(options.namespace, of: user)
        }
        var command = BackupCommand(options: options, user: user, context: context)
        let base = options.isIncrement ? try await Self.readBase(&output) : nil
        if options.namesOmissions, options.namespace == nil {
            for namespace in context.accounts.furtherNamespaces {
                try await output.problem(
                    "mail of the namespace \(namespace) is not among it; it comes with --namespace \(namespace)")
            }
        }
        let archive = try await Self.onStore { () throws(StoreError) in try await store.archive(account) }
        let chosen = command.chosen(archive, account)
        if chosen.isEmpty, !options.masks.isEmpty { throw AdminError(.notFound, "no mailbox matches") }
        try await command.sendHead(archive, chosen, account, base, &output)
        let lost = try await command.sendMessages(archive, chosen, base, &output)
        try await command.sendLost(lost, archive, &output)
        command.writer.appendEnd(to: &command.buffer)
        try await command.flush(&output, atLeast: 1)
        return command.hasProblems ? .data : .success
    }

    private init(options: UpkeepVerb.BackupOptions, user: UserRecord, context: AdminContext) {
        self.options = options
        self.user = user
        self.context = context
    }

    private static func onStore<Value>(
        _ body: () async throws(StoreError) -> Value
    ) async throws(AdminError) -> Value {
        do throws(StoreError) { return try await body() } catch { throw AdminError(error, "backup") }
    }

    // MARK: What was there before

    private static func readBase(_ output: inout some AdminOutput) async throws(AdminError) -> Base {
        var reader = BackupReader()
        var base: Base?
        var numbers: [UInt32: String] = [:]
        while true {
            let item: BackupItem?
            do throws(BackupError) { item = try reader.next() } catch { throw AdminError(.data, error.text) }
            switch item {
            case nil:
                guard let octets = try await output.input() else {
                    throw AdminError(.data, "the backup before is cut short")
                }
                reader.append(octets)
            case .begin(let head): base = Base(id: head.id)
            case .mailbox(let box):
                numbers[box.number] = box.guid
                base?.boxes[box.guid] = Base.Box(uidValidity: box.uidValidity, modSeq: box.highestModSeq)
            case .uids(let number, let uids):
                guard let guid = numbers[number] else { break }
                for range in uids.ranges {
                    guard let low = UID(rawValue: range.lowerBound), let high = UID(rawValue: range.upperBound) else {
                        continue
                    }
                    base?.boxes[guid]?.uids.insert(low...high)
                }
            case .messages:
                guard let base else { throw AdminError(.data, "the backup before is damaged") }
                // Whatever else was sent.
                while try await output.input() != nil {}
                return base
            case .metadata, .subscription, .script, .quotaLimits, .privateFlags, .message, .body, .gone, .end: break
            }
        }
    }

    // MARK: The account

    private func chosen(_ archive: any AccountArchive, _ account: any MailAccount) -> Set<Int> {
        let masks = MailboxMasks(self.options.masks, account)
        return Set(
            archive.mailboxes.indices.filter { index in
                masks.matches(MailboxCommands.text(archive.mailboxes[index].name, account))
            })
    }

    private mutating func sendHead(
        _ archive: any AccountArchive, _ chosen: Set<Int>, _ account: any MailAccount, _ base: Base?,
        _ output: inout some AdminOutput
    ) async throws(AdminError) {
        var random = SystemRandomNumberGenerator()
        self.add(
            .begin(
                BackupHead(
                    id: BackupID(high: random.next(), low: random.next()), base: base?.id, account: self.user.user,
                    created: Int64(time(nil)), writer: "martlet")))
        let lists = try await Self.onStore { () throws(StoreError) in try await account.accessLists() }
        for index in chosen.sorted() {
            let box = archive.mailboxes[index]
            let number = UInt32(truncatingIfNeeded: index + 1)
            self.add(
                .mailbox(
                    BackupMailbox(
                        number: number, name: box.name, uidValidity: box.uidValidity, uidNext: box.uidNext.rawValue,
                        highestModSeq: box.highestModSeq, guid: box.guid, specialUse: box.specialUse,
                        accessList: lists[box.name]?.text ?? [], keywords: box.keywords)))
            self.add(.uids(mailbox: number, box.uids))
            let metadata = try await Self.metadata(.mailbox(box.name), account)
            for entry in metadata where entry.entry != .specialUse {
                self.add(.metadata(mailbox: number, entry: entry.entry.text, value: entry.value))
            }
            let own = try await Self.onStore { () throws(StoreError) in try await archive.privateFlags(of: index) }
            for own in own {
                self.add(
                    .privateFlags(
                        BackupPrivateFlags(
                            mailbox: number, reader: own.reader, flags: own.flags, keywords: own.keywords,
                            uids: own.uids)))
            }
            try await self.flush(&output)
        }
        if self.options.masks.isEmpty {
            for entry in try await Self.metadata(.server, account) {
                self.add(.metadata(mailbox: 0, entry: entry.entry.text, value: entry.value))
            }
            let subscriptions = try await Self.onStore { () throws(StoreError) in try await account.subscriptions() }
            for name in subscriptions { self.add(.subscription(name)) }
            if let limits = account.ownQuotaLimits {
                self.add(
                    .quotaLimits(
                        storage: limits.storage.map { UInt64(clamping: $0) },
                        messages: limits.messages.map { UInt64(clamping: $0) }))
            }
            if self.options.namespace == nil { try await self.sendScripts(account, &output) }
        }
        self.add(.messages)
        try await self.flush(&output)
    }

    /// Of a mailbox that was deleted since, none.
    private static func metadata(
        _ owner: MetadataOwner, _ account: any MailAccount
    ) async throws(AdminError) -> [Metadata] {
        do throws(StoreError) {
            return try await account.metadata(of: owner)
        } catch {
            guard error.code == .notFound || error.code == .cannot else { throw AdminError(error, "metadata") }
            return []
        }
    }

    private mutating func sendScripts(
        _ account: any MailAccount, _ output: inout some AdminOutput
    ) async throws(AdminError) {
        guard let storage = self.context.sieve.storage(self.user) else { return }
        let identity = account.identity
        let scripts: [(name: String, isActive: Bool, content: [UInt8])]
        do throws(StoreError) {
            scripts = try await self.context.store.threads.run {
                () throws(StoreError) -> [(name: String, isActive: Bool, content: [UInt8])] in
                try identity.asOwner { () throws(StoreError) in
                    var scripts: [(name: String, isActive: Bool, content: [UInt8])] = []
                    for script in try storage.list() {
                        let content = try storage.read(script.name, limit: BackupWriter.maximumPayload - 1024)
                        scripts.append((script.name, script.isActive, content))
                    }
                    return scripts
                }
            }
        } catch {
            self.hasProblems = true
            try await output.problem("Sieve scripts are not in the backup: \(error)")
            return
        }
        for script in scripts {
            self.add(.script(name: script.name, isActive: script.isActive, content: script.content))
        }
    }

    // MARK: Messages

    /// Answers those whose octets were not where they had been.
    private mutating func sendMessages(
        _ archive: any AccountArchive, _ chosen: Set<Int>, _ base: Base?, _ output: inout some AdminOutput
    ) async throws(AdminError) -> [ArchivedMessage] {
        var lost: [ArchivedMessage] = []
        var done = 0
        let boxes = archive.mailboxes
        while true {
            let some = try await Self.onStore { () throws(StoreError) in try await archive.next(128) }
            if some.isEmpty { return lost }
            for message in some where chosen.contains(message.mailbox) {
                let box = boxes[message.mailbox]
                if let known = base?.boxes[box.guid], known.uidValidity == box.uidValidity,
                    known.uids.contains(message.uid)
                {
                    if message.modSeq > known.modSeq { self.add(.message(Self.item(message, .before))) }
                    continue
                }
                switch await Self.octets(of: message, archive) {
                case .success(let octets): try await self.send(message, octets, &output)
                case .failure(let error) where error.code == .expunged: lost.append(message)
                case .failure(let error): try await self.tell(message, box, error, &output)
                }
            }
            done += some.count
            try await self.flush(&output)
            try await output.progress(done: done, total: archive.messageCount)
        }
    }

    /// Those that were moved are found by their GUIDs; the others are gone for good.
    private mutating func sendLost(
        _ lost: [ArchivedMessage], _ archive: any AccountArchive, _ output: inout some AdminOutput
    ) async throws(AdminError) {
        var gone: [Int: UIDSet] = [:]
        for message in lost { gone[message.mailbox, default: []].insert(message.uid) }
        let found = try await Self.onStore { () throws(StoreError) in try await archive.found(lost) }
        for message in found {
            switch await Self.octets(of: message, archive) {
            case .success(let octets):
                try await self.send(message, octets, &output)
                gone[message.mailbox] = gone[message.mailbox].map { known in
                    UIDSet(known.filter { $0 != message.uid })
                }
            case .failure(let error) where error.code == .expunged: break
            case .failure(let error):
                try await self.tell(message, archive.mailboxes[message.mailbox], error, &output)
            }
        }
        for (mailbox, uids) in gone.sorted(by: { $0.key < $1.key }) where !uids.isEmpty {
            self.add(.gone(mailbox: UInt32(truncatingIfNeeded: mailbox + 1), uids))
        }
    }

    private mutating func tell(
        _ message: ArchivedMessage, _ box: ArchivedMailbox, _ error: StoreError, _ output: inout some AdminOutput
    ) async throws(AdminError) {
        self.hasProblems = true
        self.add(.gone(mailbox: UInt32(truncatingIfNeeded: message.mailbox + 1), [message.uid]))
        try await output.problem("\(box.name) uid \(message.uid.rawValue) is not in the backup: \(error)")
    }

    private static func item(_ message: ArchivedMessage, _ body: BackupMessage.Body) -> BackupMessage {
        BackupMessage(
            mailbox: UInt32(truncatingIfNeeded: message.mailbox + 1), uid: message.uid.rawValue, modSeq: message.modSeq,
            internalDate: message.internalDate, saveDate: message.saveDate, size: message.size, flags: message.flags,
            keywords: message.keywords, guid: message.guid, pop3UIDL: message.pop3UIDL, pop3Order: message.pop3Order,
            body: body)
    }

    private static func octets(
        of message: ArchivedMessage, _ archive: any AccountArchive
    ) async -> Result<MessageOctets, StoreError> {
        do throws(StoreError) { return .success(try await archive.octets(of: message)) } catch {
            return .failure(error)
        }
    }

    private mutating func send(
        _ message: ArchivedMessage, _ octets: MessageOctets, _ output: inout some AdminOutput
    ) async throws(AdminError) {
        self.add(.message(Self.item(message, .follows)))
        var start = 0
        while start < octets.count {
            let end = min(start + BackupWriter.bodyPiece, octets.count)
            self.add(.body(octets.withUnsafeBytes { Array($0[start..<end]) }))
            start = end
            try await self.flush(&output)
        }
    }

    private mutating func add(_ item: BackupItem) {
        // Only what came from elsewhere can be too long; it is bounded there.
        if !self.writer.append(item, to: &self.buffer) { self.hasProblems = true }
    }

    private mutating func flush(_ output: inout some AdminOutput, atLeast count: Int = Self.rowSize)
        async throws(AdminError)
    {
        guard self.buffer.count >= count else { return }
        try await output.row([self.buffer])
        self.buffer.removeAll(keepingCapacity: true)
    }
}
