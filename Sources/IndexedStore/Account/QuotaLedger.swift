internal import MailCore
internal import MailStore
internal import Synchronization

/// What an account holds, kept beside the counters of its mailboxes: these are in the index, written with the
/// messages, so that the sum needs no scan when an account is opened.
///
/// A message counts from the moment its record is queued: first as reserved, so that deliveries at the same time
/// cannot overshoot together, then, visible, as used. Its lock is the innermost one.
final class QuotaLedger: Sendable {
    private struct State {
        var rules = QuotaRules()
        /// Set by an administrator.
        var limits: QuotaLimits?
        /// Of visible messages in mailboxes that count.
        var used = QuotaUsage.zero
        /// Of messages on their way. A MOVE has its share with both signs.
        var reserved = QuotaUsage.zero
        /// What mailboxes hold that are not in the index yet, as a former server wrote it down.
        var estimate: QuotaUsage?

        var effectiveLimits: QuotaLimits { self.limits ?? self.rules.limits }
        var usage: QuotaUsage { self.used + (self.estimate ?? .zero) }
        var status: QuotaStatus {
            QuotaStatus(name: self.rules.name, usage: self.usage, limits: self.effectiveLimits)
        }
    }

    /// What one step changes.
    struct Change {
        var used = QuotaUsage.zero
        var reserved = QuotaUsage.zero

        static func + (a: Change, b: Change) -> Change {
            Change(used: a.used + b.used, reserved: a.reserved + b.reserved)
        }
    }

    private let identity: AccountIdentity
    private let report: @Sendable (QuotaCrossing) -> Void
    private let state: Mutex<State>
    /// Raised when another rule may hold for a mailbox.
    private let ruleGeneration = Atomic<UInt64>(1)
    /// How often mailboxes were found among the files, and up to which of these times all are counted.
    private let found = Atomic<UInt64>(0)
    private let counted = Atomic<UInt64>(0)

    init(
        _ identity: AccountIdentity, limits: QuotaLimits?, report: @escaping @Sendable (QuotaCrossing) -> Void
    ) {
        self.identity = identity
        self.report = report
        var state = State()
        state.limits = limits
        self.state = Mutex(state)
    }

    var status: QuotaStatus { self.state.withLock { $0.status } }
    /// Those that an administrator set.
    var ownLimits: QuotaLimits? { self.state.withLock { $0.limits } }
    var rules: QuotaRules { self.state.withLock { $0.rules } }
    var hasLimits: Bool { self.state.withLock { !$0.effectiveLimits.isUnlimited } }
    var generation: UInt64 { self.ruleGeneration.load(ordering: .acquiring) }

    func counts(_ mailbox: MailboxName) -> Bool {
        self.state.withLock { $0.rules.rule(of: mailbox)?.isIgnored != true }
    }

    /// Whether mailboxes have to be looked at again.
    func apply(_ rules: QuotaRules) -> Bool {
        self.state.withLock { state in
            guard state.rules != rules else { return false }
            let isNew = state.rules.mailboxRules != rules.mailboxRules
            state.rules = rules
            if isNew { self.ruleGeneration.wrappingAdd(1, ordering: .releasing) }
            return isNew
        }
    }

    func set(_ limits: QuotaLimits?) { self.state.withLock { $0.limits = limits } }

    // MARK: Mailboxes that are not in the index

    var lacksMailboxes: Bool {
        self.found.load(ordering: .acquiring) != self.counted.load(ordering: .acquiring)
    }
    /// To be asked before the mailboxes are listed that are to be counted, for `isComplete`.
    var foundSoFar: UInt64 { self.found.load(ordering: .acquiring) }
    var hasEstimate: Bool { self.state.withLock { $0.estimate != nil } }

    func foundMailboxes() { self.found.wrappingAdd(1, ordering: .releasing) }

    /// - Parameter total: of the whole account, by a file of a former server.
    func estimate(_ total: QuotaUsage) {
        self.state.withLock { state in
            state.estimate = Self.believable(total - state.used)
        }
    }

    /// The user's file may say any number: sums with it must not overflow.
    private static func believable(_ usage: QuotaUsage) -> QuotaUsage {
        let most = Int64.max / 4
        return QuotaUsage(
            storage: max(0, min(usage.storage, most)), messages: max(0, min(usage.messages, most)))
    }

    /// All mailboxes found until then count by themselves now.
    func isComplete(upTo found: UInt64) {
        self.counted.store(found, ordering: .releasing)
        if !self.lacksMailboxes { self.state.withLock { $0.estimate = nil } }
    }

    /// A mailbox has come into the index.
    func indexed(_ usage: QuotaUsage) {
        self.state.withLock { state in
            guard let known = state.estimate else { return }
            state.estimate = Self.believable(known - usage)
        }
    }

    // MARK: Changes

    /// Whether `new` may come into a mailbox; with `reserving`, it counts from now on.
    func admit(
        _ new: QuotaUsage, largest: UInt64, into mailbox: MailboxName, _ strictness: QuotaStrictness,
        reserving: Bool
    ) throws(StoreError) {
        let refusal: StoreError? = self.state.withLock { state in
            if strictness != .exempt {
                let limit = state.rules.maximumMessageSize
                if limit > 0, largest > limit { return StoreError(.tooBig, "quota_mail_size") }
            }
            let rule = state.rules.rule(of: mailbox)
            if rule?.isIgnored == true { return nil }
            if strictness != .exempt, !Self.fits(new, state, rule, strictness) {
                return StoreError(.overQuota, "quota of \(self.identity.name)")
            }
            if reserving { state.reserved = state.reserved + new }
            return nil
        }
        if let refusal { throw refusal }
    }

    private static func fits(
        _ new: QuotaUsage, _ state: State, _ rule: MailboxQuotaRule?, _ strictness: QuotaStrictness
    ) -> Bool {
        let before = state.usage + state.reserved
        let limits = state.effectiveLimits
        if let limit = limits.messages {
            let (after, isTooMany) = before.messages.addingReportingOverflow(new.messages)
            guard !isTooMany, after <= Self.part(rule?.messagePercentage ?? 100, of: limit) else { return false }
        }
        if let limit = limits.storage {
            let (limit, overflow) = Self.part(rule?.storagePercentage ?? 100, of: limit)
                .addingReportingOverflow(rule?.storageExtra ?? 0)
            if overflow { return true }
            let (after, isTooMuch) = before.storage.addingReportingOverflow(new.storage)
            if isTooMuch { return false }
            if after <= limit { return true }
            let grace = state.rules.storageGrace
            guard strictness == .delivery, before.storage < limit else { return false }
            let (excess, isBeyond) = after.subtractingReportingOverflow(limit)
            return !isBeyond && excess <= grace
        }
        return true
    }

    private static func part(_ percentage: Int64, of limit: Int64) -> Int64 {
        if percentage == 100 { return limit }
        let (product, overflow) = limit.multipliedReportingOverflow(by: percentage)
        return overflow ? .max : product / 100
    }

    /// Takes a change into account and reports levels that it crossed.
    func apply(_ change: Change) {
        guard change.used != .zero || change.reserved != .zero else { return }
        let crossings: [QuotaCrossing] = self.state.withLock { state in
            let before = state.status
            state.used = state.used + change.used
            state.reserved = state.reserved + change.reserved
            guard change.used != .zero, !state.rules.thresholds.isEmpty else { return [] }
            let after = state.status
            return state.rules.thresholds.compactMap { threshold in
                guard let old = before.percentage(of: threshold.resource),
                    let new = after.percentage(of: threshold.resource)
                else { return nil }
                let isCrossed =
                    switch threshold.direction {
                    case .over: old < threshold.percentage && new >= threshold.percentage
                    case .under: old >= threshold.percentage && new < threshold.percentage
                    }
                return isCrossed
                    ? QuotaCrossing(account: self.identity, threshold: threshold, status: after) : nil
            }
        }
        for crossing in crossings { self.report(crossing) }
    }
}

extension QuotaUsage {
    init(_ counters: MailboxCounters) {
        self.init(storage: Int64(clamping: counters.size), messages: Int64(counters.messages))
    }

    init(_ records: [MessageRecord]) {
        self.init(
            storage: records.reduce(0) { $0 + Int64($1.size) }, messages: Int64(records.count))
    }
}
