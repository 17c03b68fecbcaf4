import Accounts
import ArchiveCore
import Authentication
import MIMECore
import MailCore
import MailStore
import SieveStorage

/// `restore` and `import`: takes backups, or messages in their form, and puts them into an account.
///
/// What the last backup says of the account is what it becomes; messages come from the first backup that has them,
/// and keep their UIDs where these are free.
struct RestoreCommand {
    private let options: UpkeepVerb.RestoreOptions
    private let user: UserRecord
    private let context: AdminContext
    private let store: any StoreUpkeep
    private let account: any MailAccount
    private var plan = BackupPlan()
    private var targets: [String: RestoreTarget] = [:]
    private var waiting: [RestoreTarget.Waiting] = []
    private var waitingOctets = 0
    private var exit = AdminExit.success
    /// Octets of the input, which are what progress is told of.
    private var taken = 0

    private static let batchMessages = 64
    private static let batchOctets = 4 << 20

    static func run(
        _ options: UpkeepVerb.RestoreOptions, _ user: UserRecord, _ context: AdminContext,
        _ output: inout some AdminOutput
    ) async throws(AdminError) -> AdminExit {
        guard let store = context.store as? any StoreUpkeep else { throw AdminError(.usage, "no restores here") }
        let account: any MailAccount
        do throws(StoreError) {
            account = try await context.accounts.kept(options.namespace, of: user)
        } catch {
            throw AdminError(error, "account \(user.user)")
        }
        var command = RestoreCommand(options, user, context, store, account)
        let outcome: Result<Void, AdminError>
        do throws(AdminError) {
            outcome = .success(try await command.run(&output))
        } catch {
            outcome = .failure(error)
        }
        // Also after a failure: what was restored stays, and mail may come in again.
        let isWhole = if case .success = outcome { true } else { false }
        try await command.finish(isWhole ? .whole : .cutShort, &output)
        try outcome.get()
        return command.exit
    }

    private init(
        _ options: UpkeepVerb.RestoreOptions, _ user: UserRecord, _ context: AdminContext, _ store: any StoreUpkeep,
        _ account: any MailAccount
    ) {
        self.options = options
        self.user = user
        self.context = context
        self.store = store
        self.account = account
    }

    // MARK: The input

    private mutating func next(
        _ reader: inout BackupReader, _ number: Int, _ output: inout some AdminOutput
    ) async throws(AdminError) -> BackupItem? {
        do throws(BackupError) {
            while true {
                if let item = try reader.next() { return item }
                if reader.isAtEnd { return nil }
                guard let octets = try await Self.input(&output).get() else {
                    try reader.finish()
                    return nil
                }
                self.taken += octets.count
                reader.append(octets)
            }
        } catch {
            let which = self.options.files > 1 ? "backup \(number): " : ""
            throw AdminError(.data, "\(which)\(error.text)\(self.position)")
        }
    }

    private static func input(
        _ output: inout some AdminOutput
    ) async -> Result<[UInt8]?, BackupError> {
        do throws(AdminError) {
            return .success(try await output.input())
        } catch {
            // Nobody is there any more: what is missing shows where it is missing.
            return .success(nil)
        }
    }

    /// What was read last, for who looks for the place of a damage.
    private var position: String {
        guard let last = self.lastMessage else { return "" }
        return ", behind \(last.name) uid \(last.uid)"
    }
    private var lastMessage: (name: MailboxName, uid: UInt32)?

    private mutating func run(_ output: inout some AdminOutput) async throws(AdminError) {
        var reader = BackupReader()
        var rest: [UInt8] = []
        if self.options.files > 1 {
            self.plan = try await self.readPlan(&reader, self.options.files, &output)
            rest = reader.takeRest()
        }
        var before: BackupID?
        for number in 1...self.options.files {
            reader = BackupReader()
            reader.append(rest)
            let head = try await self.readPlan(&reader, number, &output)
            if let before, head.head?.id == before {
                throw AdminError(.data, "backup \(number) is the same as backup \(number - 1); give each once")
            }
            if head.head?.base != before {
                throw AdminError(
                    .data,
                    head.head?.base.map {
                        "backup \(number) is an increment of backup \($0), which must come before it"
                    }
                        ?? "backup \(number) is no increment of the one before it")
            }
            before = head.head?.id
            if self.options.files == 1 { self.plan = head }
            if number == 1 { try await self.makeTargets(&output) }
            try await self.takeMessages(&reader, number, head, &output)
            rest = reader.takeRest()
        }
        if self.options.kind == .backup { try await self.applyPrivateFlags(&output) }
        switch self.options.kind {
        case .backup: try await self.applyAccount(&output)
        case .messages: try await self.applySubscriptions()
        }
    }

    /// What a backup says of the account as a whole.
    private mutating func readPlan(
        _ reader: inout BackupReader, _ number: Int, _ output: inout some AdminOutput
    ) async throws(AdminError) -> BackupPlan {
        var plan = BackupPlan()
        while let item = try await self.next(&reader, number, &output) {
            if case .messages = item { return plan }
            plan.take(item)
        }
        throw AdminError(.data, "backup \(number) is damaged")
    }

    // MARK: Mailboxes

    private mutating func makeTargets(_ output: inout some AdminOutput) async throws(AdminError) {
        let masks = MailboxMasks(self.options.masks, self.account)
        for box in self.plan.boxes {
            let shown = MailboxCommands.text(box.mailbox.name, self.account)
            guard masks.matches(shown) else { continue }
            let name = try self.targetName(box.mailbox.name)
            let isOwn = self.options.kind == .backup && name == box.mailbox.name
            do throws(StoreError) {
                let target = try await RestoreTarget.make(
                    box, name, isOwn ? .kept : .new, self.store, self.account,
                    knowsMessageIDs: self.options.skipsDuplicates)
                self.targets[box.key] = target
                if self.options.kind == .backup { try await self.describe(target, box) }
            } catch {
                throw AdminError(error, "mailbox \(shown)")
            }
        }
        if self.targets.isEmpty, !masks.isEmpty { throw AdminError(.notFound, "no mailbox of the backup matches") }
    }

    private func targetName(_ name: MailboxName) throws(AdminError) -> MailboxName {
        guard let into = self.options.into, !into.isEmpty else { return name }
        guard let above = self.account.spelling.name(of: into), let below = MailboxName("\(above.text)/\(name.text)")
        else {
            throw AdminError(.usage, "\(name) below \(into) is no name of a mailbox")
        }
        return below
    }

    /// Metadata, access control list and special use.
    private func describe(_ target: RestoreTarget, _ box: BackupPlan.Box) async throws(StoreError) {
        var changes = box.metadata.compactMap { entry in
            MetadataEntry(entry.entry).map { MetadataChange($0, entry.value) }
        }
        // Another copy of a mailbox does not become the place for drafts.
        if target.name == box.mailbox.name {
            switch box.mailbox.specialUse {
            case "": break
            case "-": changes.append(MetadataChange(.specialUse, []))
            case let use: changes.append(MetadataChange(.specialUse, Array(use.utf8)))
            }
        }
        if !changes.isEmpty { try await self.account.setMetadata(changes, of: .mailbox(target.name)) }
        if !box.mailbox.accessList.isEmpty, target.name == box.mailbox.name {
            let list = AccessList(text: box.mailbox.accessList)
            try await self.account.changeAccessList(of: target.name) { (known) throws(StoreError) in known = list }
        }
    }

    // MARK: Messages

    private mutating func takeMessages(
        _ reader: inout BackupReader, _ number: Int, _ head: BackupPlan, _ output: inout some AdminOutput
    ) async throws(AdminError) {
        var boxes: [UInt32: (box: BackupPlan.Box, target: RestoreTarget)] = [:]
        for box in head.boxes {
            if let target = self.targets[box.key] { boxes[box.mailbox.number] = (box, target) }
        }
        var current: (message: BackupMessage, box: BackupPlan.Box, target: RestoreTarget)?
        var spool: MessageSpool?
        while true {
            let item = try await self.next(&reader, number, &output)
            if case .body(let octets) = item {
                guard current != nil else { continue }
                do throws(StoreError) {
                    try await spool?.append(octets)
                } catch {
                    throw AdminError(error, "message")
                }
                continue
            }
            if let (message, box, target) = current, let filled = spool.take() {
                current = nil
                try await self.add(message, box, target, filled, &output)
            }
            switch item {
            case nil: throw AdminError(.data, "backup \(number) is damaged\(self.position)")
            case .message(let message):
                guard let (box, target) = boxes[message.mailbox] else { break }
                self.lastMessage = (box.mailbox.name, message.uid)
                let uid = UID(rawValue: message.uid)
                // What later backups do not have was removed since.
                if self.options.files > 1, let uid, !(self.plan.uids[box.key]?.contains(uid) ?? false) { break }
                if message.body == .before {
                    guard number > 1 else {
                        throw AdminError(.data, "the backup is an increment; give the ones before it, too")
                    }
                    try await self.settle(&output)
                    do throws(StoreError) {
                        try await target.change(message, box, self.account)
                    } catch {
                        self.exit = max(self.exit, .temporary)
                        try await output.problem("\(target.name) uid \(message.uid) keeps the flags it has: \(error)")
                    }
                    break
                }
                if self.options.kind == .backup, target.restoration.has(uid, guid: message.guid) {
                    target.present += 1
                    break
                }
                current = (message, box, target)
                var fresh = self.store.makeSpool()
                fresh.convertsLineEnds = self.options.kind == .messages
                // Several wait for each other in memory.
                fresh.memoryLimit = 64 << 10
                spool = consume fresh
            case .end:
                try await self.settle(&output)
                return
            case .begin, .mailbox, .uids, .metadata, .subscription, .script, .quotaLimits, .privateFlags, .messages,
                .body, .gone:
                break
            }
        }
    }

    private mutating func add(
        _ message: BackupMessage, _ box: BackupPlan.Box, _ target: RestoreTarget, _ spool: consuming MessageSpool,
        _ output: inout some AdminOutput
    ) async throws(AdminError) {
        do throws(StoreError) {
            let incoming = try await spool.finish()
            if self.options.skipsDuplicates, target.isDuplicate(incoming) {
                target.present += 1
                return
            }
            self.waiting.append(RestoreTarget.Waiting(message, box, target, incoming))
            self.waitingOctets += incoming.octets.count
        } catch {
            throw AdminError(error, "message")
        }
        guard self.waiting.count >= Self.batchMessages || self.waitingOctets >= Self.batchOctets else { return }
        try await self.settle(&output)
    }

    /// Stores what waits; one commit for all.
    private mutating func settle(_ output: inout some AdminOutput) async throws(AdminError) {
        guard !self.waiting.isEmpty else { return }
        let batch = self.waiting
        self.waiting = []
        self.waitingOctets = 0
        let kind = self.options.kind
        let account = self.account
        let results = await self.store.deposit(batch.map { $0.deposit(in: account, kind) })
        for (waiting, result) in zip(batch, results) {
            switch result {
            case .success(let stored): waiting.target.note(stored, of: waiting.message)
            case .failure(let error):
                // Full disks and the like: the next one would fail too.
                throw AdminError(error, "\(waiting.target.name) uid \(waiting.message.uid)")
            }
        }
        // Its length is known to the other side alone.
        try await output.progress(done: self.taken, total: 0)
    }

    // MARK: The end

    /// Subscriptions, the server's metadata, Sieve scripts: of a whole account alone.
    private mutating func applyAccount(_ output: inout some AdminOutput) async throws(AdminError) {
        guard self.options.masks.isEmpty, self.options.into == nil else { return }
        do throws(StoreError) {
            for name in self.plan.subscriptions { try await self.account.subscribe(name) }
            let changes = self.plan.metadata.compactMap { entry in
                MetadataEntry(entry.entry).map { MetadataChange($0, entry.value) }
            }
            if !changes.isEmpty { try await self.account.setMetadata(changes, of: .server) }
            if let limits = self.plan.quotaLimits { try await self.account.setQuotaLimits(limits) }
        } catch {
            throw AdminError(error, "account \(self.user.user)")
        }
        let scripts = self.plan.scripts
        guard !scripts.isEmpty, let storage = self.context.sieve.storage(self.user) else { return }
        let identity = self.account.identity
        do throws(StoreError) {
            try await self.store.threads.run { () throws(StoreError) in
                try identity.asOwner { () throws(StoreError) in
                    for script in scripts where SieveStorage.isName(script.name) {
                        try storage.write(script.name, script.content)
                        if script.isActive { try storage.activate(script.name) }
                    }
                }
            }
        } catch {
            self.exit = .temporary
            try await output.problem("Sieve scripts were not restored: \(error)")
        }
    }

    /// Those to mailboxes that came from elsewhere, where these are now.
    private mutating func applySubscriptions() async throws(AdminError) {
        let masks = MailboxMasks(self.options.masks, self.account)
        for name in self.plan.subscriptions {
            let shown = MailboxCommands.text(name, self.account)
            guard masks.matches(shown) else { continue }
            let target = try self.targetName(name)
            do throws(StoreError) {
                try await self.account.subscribe(target)
            } catch {
                throw AdminError(error, "subscription to \(shown)")
            }
        }
    }

    /// What others have of their own of messages, of those others whom the user database knows.
    private mutating func applyPrivateFlags(_ output: inout some AdminOutput) async throws(AdminError) {
        var readers: [String: any MailAccount] = [:]
        for own in self.plan.privateFlags {
            guard let box = self.plan.boxes.first(where: { $0.mailbox.number == own.mailbox }),
                let target = self.targets[box.key]
            else { continue }
            do throws(StoreError) {
                if readers[own.reader] == nil {
                    // Also one who has not come to this server yet: his turn may be after the owner's.
                    guard let record = await self.context.authenticator.found(own.reader, self.context) else {
                        continue
                    }
                    readers[own.reader] = try await self.context.accounts.kept(nil, of: record)
                }
                guard let reader = readers[own.reader] else { continue }
                try await target.change(own, reader, self.account)
            } catch {
                self.exit = .temporary
                try await output.problem("flags of \(own.reader) in \(target.name) were not restored: \(error)")
            }
        }
    }

    private mutating func finish(
        _ outcome: RestorationOutcome, _ output: inout some AdminOutput
    ) async throws(AdminError) {
        var failure: AdminError?
        for target in self.targets.values.sorted(by: { $0.name < $1.name }) {
            do throws(StoreError) {
                try await target.end(outcome)
            } catch {
                failure = failure ?? AdminError(error, "mailbox \(target.name)")
            }
            try await output.row([
                MailboxCommands.text(target.name, self.account), String(target.restored), String(target.present),
                String(target.renumbered), String(target.changed),
            ])
        }
        if let failure { throw failure }
    }
}
