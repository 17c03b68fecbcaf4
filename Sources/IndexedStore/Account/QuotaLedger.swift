internal import MailCore
internal import MailStore
internal import Synchronization

/// What an account holds, kept beside the counters of its mailboxes: these are in the index, written with the
/// messages, so that the sum needs no scan when an account is opened.
///
/// A message counts from the moment its record is queued: first as reserved, so that deliveries at the same time
/// cannot overshoot together, then, visible, as used.
///
/// The ledger of a further namespace joins that of its user: limits and levels are then those of the user, for all of
/// the user's mail; the rules of its mailboxes stay its own.
///
/// Locks of ledgers are the innermost ones, first those of namespaces, then those of users, each kind by address.
final class QuotaLedger: Sendable {
    /// What one account has to be counted.
    struct Holding {
        /// Of visible messages in mailboxes that count.
        var used = QuotaUsage.zero
        /// Of messages on their way. A MOVE has its share with both signs.
        var reserved = QuotaUsage.zero
        /// What mailboxes hold that are not in the index yet, as a former server wrote it down.
        var estimate: QuotaUsage?

        var usage: QuotaUsage { self.used + (self.estimate ?? .zero) }

        mutating func take(_ change: Change) {
            self.used = self.used + change.used
            self.reserved = self.reserved + change.reserved
        }
    }

    struct State {
        var rules = QuotaRules()
        /// Set by an administrator.
        var limits: QuotaLimits?
        /// Of the account itself.
        var own = Holding()
        /// Of a namespace: where it counts.
        var membership: Membership?
        /// Of a user: what the joined accounts hold, by their names.
        var shares: [String: Share] = [:]
        /// The number of the last share.
        var lastShare: UInt64 = 0

        var effectiveLimits: QuotaLimits { self.limits ?? self.rules.limits }
        var usage: QuotaUsage { self.shares.values.reduce(self.own.usage) { $0 + $1.holding.usage } }
        var reserved: QuotaUsage { self.shares.values.reduce(self.own.reserved) { $0 + $1.holding.reserved } }
        var status: QuotaStatus {
            QuotaStatus(name: self.rules.name, usage: self.usage, limits: self.effectiveLimits)
        }
    }

    /// What one step changes.
    struct Change {
        var used = QuotaUsage.zero
        var reserved = QuotaUsage.zero

        var isNothing: Bool { self.used == .zero && self.reserved == .zero }

        static func + (a: Change, b: Change) -> Change {
            Change(used: a.used + b.used, reserved: a.reserved + b.reserved)
        }
    }

    let identity: AccountIdentity
    private let report: @Sendable (QuotaCrossing) -> Void
    let state: Mutex<State>
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

    var status: QuotaStatus { self.withCounting { $0.status } }
    var hasLimits: Bool { self.withCounting { !$0.effectiveLimits.isUnlimited } }
    /// Those that an administrator set.
    var ownLimits: QuotaLimits? { self.state.withLock { $0.limits } }
    /// Those of the account itself, whatever it has joined.
    var fileLimits: QuotaLimits { self.state.withLock { $0.effectiveLimits } }
    var rules: QuotaRules { self.state.withLock { $0.rules } }
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
    var hasEstimate: Bool { self.state.withLock { $0.own.estimate != nil } }

    func foundMailboxes() { self.found.wrappingAdd(1, ordering: .releasing) }

    /// - Parameter total: of the whole account, by a file of a former server.
    func estimate(_ total: QuotaUsage) {
        self.state.withLock { state in
            state.own.estimate = Self.believable(total - state.own.used)
            state.passOn()
        }
    }

    /// The user's file may say any number: sums with it must not overflow, nor those of all accounts in a quota.
    private static func believable(_ usage: QuotaUsage) -> QuotaUsage {
        let most: Int64 = 1 << 50
        return QuotaUsage(
            storage: max(0, min(usage.storage, most)), messages: max(0, min(usage.messages, most)))
    }

    /// All mailboxes found until then count by themselves now.
    func isComplete(upTo found: UInt64) {
        self.counted.store(found, ordering: .releasing)
        guard !self.lacksMailboxes else { return }
        self.state.withLock { state in
            state.own.estimate = nil
            state.passOn()
        }
    }

    /// A mailbox has come into the index.
    func indexed(_ usage: QuotaUsage) {
        self.state.withLock { state in
            guard let known = state.own.estimate else { return }
            state.own.estimate = Self.believable(known - usage)
            state.passOn()
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
            var own = state.own
            if reserving { own.reserved = own.reserved + new }
            if let membership = state.membership {
                // In one step: nothing else of the user's can take the room in between.
                let fits = membership.user.state.withLock { user in
                    guard strictness == .exempt || Self.fits(new, user, rule, strictness) else { return false }
                    user.enter(own, as: membership)
                    return true
                }
                guard fits else { return StoreError(.overQuota, "quota of \(membership.user.identity.name)") }
            } else if strictness != .exempt, !Self.fits(new, state, rule, strictness) {
                return StoreError(.overQuota, "quota of \(self.identity.name)")
            }
            state.own = own
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
        guard !change.isNothing else { return }
        let crossings: [QuotaCrossing] = self.state.withLock { state in
            guard let membership = state.membership else {
                return state.crossings(of: self.identity) { $0.own.take(change) }
            }
            state.own.take(change)
            let own = state.own
            return membership.user.state.withLock { user in
                user.crossings(of: membership.user.identity) { $0.enter(own, as: membership) }
            }
        }
        self.tell(crossings)
    }

    func tell(_ crossings: [QuotaCrossing]) {
        for crossing in crossings { self.report(crossing) }
    }
}

extension QuotaLedger.State {
    /// Makes a change and answers the levels that it crossed.
    mutating func crossings(
        of identity: AccountIdentity, by body: (inout QuotaLedger.State) -> Void
    ) -> [QuotaCrossing] {
        guard !self.rules.thresholds.isEmpty else {
            body(&self)
            return []
        }
        let before = self.status
        body(&self)
        let after = self.status
        return self.rules.thresholds.compactMap { threshold in
            guard let old = before.percentage(of: threshold.resource),
                let new = after.percentage(of: threshold.resource)
            else { return nil }
            let isCrossed =
                switch threshold.direction {
                case .over: old < threshold.percentage && new >= threshold.percentage
                case .under: old >= threshold.percentage && new < threshold.percentage
                }
            return isCrossed ? QuotaCrossing(account: identity, threshold: threshold, status: after) : nil
        }
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
