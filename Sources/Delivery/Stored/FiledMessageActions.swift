import MIMECore
import MailCore
import MailStore
import SieveCore

/// Does what scripts decided with messages that are in a mailbox already (RFC 6785 section 3).
///
/// Keep leaves a message where it is. Where it is not kept it is marked \Deleted, and removed where the site wants
/// that. Messages with the same fate are dealt with together.
struct FiledMessageActions {
    /// What becomes of a kept message that a script has edited.
    enum EditedKeep: Sendable {
        /// It stays as it was (RFC 6785 section 3.1).
        case isDropped
        /// The edited one takes its place (FILTER=SIEVE).
        case replaces
    }

    /// What became of one message.
    struct Outcome: Sendable {
        var hasChanged = false
        /// What a person should know though it was done.
        var warnings: [String] = []
        var failure: StoreError?
    }

    let store: any MailStore
    let mailbox: any Mailbox
    let recipient: DeliveryRecipient
    /// Where programs of the pipe action run.
    let programs: ScriptThreads
    let planner: SievePlanner
    let createsMailboxes: Bool
    let expungesDiscarded: Bool
    let editedKeep: EditedKeep
    let interruption: ScriptInterruption
    /// Whether the messages themselves get what the scripts decided for them.
    var changesSource = true

    /// A fate that several messages may share.
    private struct Copying: Hashable {
        var target: MailboxName
        var creates: Bool
        var flags: MessageFlags
        var keywords: Set<Keyword>
        /// Whether the copies have these flags by themselves.
        var isPlain: Bool
    }

    private struct Flagging: Hashable {
        var mode: FlagChange.Mode
        var flags: MessageFlags
        var keywords: Set<Keyword>
    }

    /// - Returns: in the order of the messages.
    func apply(_ messages: [(message: FiledMessage, plan: DeliveryPlan)]) async -> [Outcome] {
        var work = messages
        var outcomes = work.map { _ in Outcome() }
        var copies: [Copying: [Int]] = [:]
        for index in work.indices {
            let message = work[index].message
            await self.pipe(&work[index].plan, message, &outcomes[index])
            let plan = work[index].plan
            if let failure = plan.failure {
                outcomes[index].failure = failure
                continue
            }
            do throws(StoreError) {
                try await self.send(plan, message, &outcomes[index])
                for place in plan.places where place.mailbox != self.mailbox.name {
                    guard place.message == 0 else {
                        try await self.deposit(place, plan, message)
                        outcomes[index].hasChanged = true
                        continue
                    }
                    let copying = Copying(
                        target: place.mailbox, creates: place.creates || self.createsMailboxes, flags: place.flags,
                        keywords: Set(place.keywords),
                        isPlain: place.flags == message.record.flags && Set(place.keywords) == Set(message.keywords))
                    copies[copying, default: []].append(index)
                }
            } catch {
                outcomes[index].failure = error
            }
        }
        for (copying, indices) in copies.sorted(by: { $0.key.target < $1.key.target }) {
            do throws(StoreError) {
                try await self.copy(UIDSet(indices.map { work[$0].message.record.uid }), copying)
                for index in indices { outcomes[index].hasChanged = true }
            } catch {
                for index in indices { outcomes[index].failure = error }
            }
        }
        if self.changesSource { await self.mark(work, &outcomes) }
        return outcomes
    }

    // MARK: Copies

    private func copy(_ uids: UIDSet, _ copying: Copying) async throws(StoreError) {
        let result: CopyResult
        do throws(StoreError) {
            result = try await self.mailbox.copy(uids, to: copying.target)
        } catch  where error.code == .notFound && copying.creates {
            try await self.create(copying.target)
            result = try await self.mailbox.copy(uids, to: copying.target)
        }
        guard !copying.isPlain, !result.target.isEmpty else { return }
        let target = try await self.recipient.account.open(copying.target, .readWrite, onChange: {})
        defer { target.close() }
        let change = FlagChange(
            .replace, copying.flags, copying.keywords.sorted { $0.name < $1.name }, rights: target.rights)
        _ = try await target.store(change, result.target, unchangedSince: nil)
    }

    private func create(_ name: MailboxName) async throws(StoreError) {
        do throws(StoreError) {
            try await self.recipient.account.create(name, specialUse: nil)
        } catch  where error.code == .alreadyExists {
            // Somebody else was quicker.
        }
    }

    private func deposit(
        _ place: DeliveryPlan.Place, _ plan: DeliveryPlan, _ message: FiledMessage
    ) async throws(StoreError) {
        let deposit = Deposit(
            message: Self.form(place.message, plan, message), account: self.recipient.account,
            mailbox: place.mailbox, flags: place.flags, keywords: place.keywords,
            internalDate: message.record.internalDate,
            missingMailbox: place.creates || self.createsMailboxes ? .create : .fail)
        for result in await self.store.deposit([deposit]) { _ = try result.get() }
    }

    /// The form of that number: the message itself, or what a script has made of it.
    private static func form(_ number: Int, _ plan: DeliveryPlan, _ message: FiledMessage) -> IncomingMessage {
        guard number > 0, number <= plan.edits.count else { return message.octets }
        let edit = plan.edits[number - 1]
        var octets = edit.header
        if let body = edit.body {
            octets += body
        } else {
            message.octets.octets.withUnsafeBytes { bytes in
                var scanner = HeaderScanner(Octets(bytes))
                while scanner.next() != nil {}
                octets.append(contentsOf: bytes[min(scanner.bodyStart, bytes.count)...])
            }
        }
        return IncomingMessage(MessageOctets(octets))
    }

    // MARK: Programs

    /// Gives the message to the programs of its plan. What a program does not take is kept.
    private func pipe(_ plan: inout DeliveryPlan, _ message: FiledMessage, _ outcome: inout Outcome) async {
        let runner = SieveProgramRunner(self.planner.options.programs)
        let user = self.recipient.account.identity.name
        let interruption = self.interruption
        let context = self.planner.context(
            DeliveryEnvelope(sender: "", receivedAt: message.record.internalDate, session: ""), self.recipient)
        for pipe in plan.pipes {
            let input = Self.form(pipe.message, plan, message)
            var complaint: String
            do throws(StoreError) {
                complaint = try await self.programs.run(for: user) { () throws(StoreError) -> String in
                    try input.octets.withUnsafeBytes { (bytes) throws(StoreError) in
                        try runner.run(pipe.call, bytes, for: context, until: interruption).complaint
                    }
                }
            } catch {
                complaint = error.detail
            }
            if interruption.isInterrupted {
                plan.failure = StoreError(.temporary, "interrupted while a program ran")
                return
            }
            guard !complaint.isEmpty else {
                outcome.hasChanged = true
                continue
            }
            self.planner.options.report("user \(user): sieve: pipe to \(pipe.call.program): \(complaint)")
            if !pipe.call.mayFail { plan.store(in: Self.kept(pipe.fallback, message)) }
            outcome.warnings.append("\(pipe.origin): error: pipe to \"\(pipe.call.program)\": \(complaint)")
        }
    }

    /// A keep that changes nothing.
    private static func kept(_ place: DeliveryPlan.Place, _ message: FiledMessage) -> DeliveryPlan.Place {
        var place = place
        place.flags = message.record.flags
        place.keywords = message.keywords
        return place
    }

    // MARK: What leaves the server

    private func send(
        _ plan: DeliveryPlan, _ message: FiledMessage, _ outcome: inout Outcome
    ) async throws(StoreError) {
        guard !plan.mails.isEmpty || !plan.remembered.isEmpty else { return }
        var plan = plan
        plan.editedMessages = plan.edits.indices.map { Self.form($0 + 1, plan, message) }
        let effects = plan.effects(message.octets, self.recipient.account)
        for result in await self.store.deliver([Parcel(deposits: [], effects: effects)]) { try result.effects.get() }
        if !plan.mails.isEmpty { outcome.hasChanged = true }
        let copies = plan.copies.map { copy in
            Deposit(
                message: copy.message, account: self.recipient.account, mailbox: copy.place.mailbox,
                flags: copy.place.flags, keywords: copy.place.keywords,
                missingMailbox: copy.place.creates || self.createsMailboxes ? .create : .fail)
        }
        guard !copies.isEmpty else { return }
        for (copy, result) in zip(copies, await self.store.deposit(copies)) {
            guard case .failure(let error) = result else { continue }
            outcome.warnings.append(
                "error: no copy of what was sent could be put into \"\(copy.mailbox)\": \(error.code)")
        }
    }

    // MARK: Flags of the messages themselves

    private func mark(_ work: [(message: FiledMessage, plan: DeliveryPlan)], _ outcomes: inout [Outcome]) async {
        var changes: [Flagging: [Int]] = [:]
        var discarded: [Int] = []
        for index in work.indices where outcomes[index].failure == nil {
            let (message, plan) = work[index]
            guard let keep = plan.places.first(where: { $0.mailbox == self.mailbox.name }) else {
                discarded.append(index)
                continue
            }
            if keep.message > 0, self.editedKeep == .replaces {
                do throws(StoreError) {
                    try await self.deposit(keep, plan, message)
                    discarded.append(index)
                } catch {
                    outcomes[index].failure = error
                }
                continue
            }
            // What the script changed and no more: a client may have changed other flags meanwhile.
            let (old, new) = (Set(message.keywords), Set(keep.keywords))
            let added = Flagging(
                mode: .add, flags: keep.flags.subtracting(message.record.flags), keywords: new.subtracting(old))
            let removed = Flagging(
                mode: .remove, flags: message.record.flags.subtracting(keep.flags), keywords: old.subtracting(new))
            for change in [added, removed] where !change.flags.isEmpty || !change.keywords.isEmpty {
                changes[change, default: []].append(index)
            }
        }
        if !discarded.isEmpty {
            changes[Flagging(mode: .add, flags: .deleted, keywords: []), default: []] += discarded
        }
        for (change, indices) in changes {
            let uids = UIDSet(indices.map { work[$0].message.record.uid })
            do throws(StoreError) {
                _ = try await self.mailbox.store(
                    FlagChange(
                        change.mode, change.flags, change.keywords.sorted { $0.name < $1.name },
                        rights: self.mailbox.rights),
                    uids, unchangedSince: nil)
                for index in indices { outcomes[index].hasChanged = true }
            } catch {
                for index in indices { outcomes[index].failure = error }
            }
        }
        let removed = discarded.filter { outcomes[$0].failure == nil }
        guard self.expungesDiscarded, !removed.isEmpty else { return }
        do throws(StoreError) {
            _ = try await self.mailbox.expunge(UIDSet(removed.map { work[$0].message.record.uid }))
        } catch {
            for index in removed { outcomes[index].failure = error }
        }
    }
}
