internal import MailStore
internal import Synchronization

/// Accounts of one user in one quota: that with INBOX, whose ledger counts, and those of further namespaces, which have
/// joined it.
extension QuotaLedger {
    /// Where the ledger of a namespace counts. The user's ledger knows nothing of who has joined it but what they hold, so
    /// that no account keeps another in memory by this.
    struct Membership {
        let user: QuotaLedger
        let name: String
        let number: UInt64
    }

    /// What a joined account holds.
    struct Share {
        /// Of the membership that it is from: an older object of the same account, which has moved, changes nothing more.
        let number: UInt64
        var holding: Holding
    }

    /// Has the account's mail count in the user's ledger, instead of in the one that it counted in before or under an
    /// older object of the same account. Crosses no level: nothing has come.
    func join(_ user: QuotaLedger) {
        guard self.identity.isOfNamespace, !user.identity.isOfNamespace else { return }
        self.state.withLock { state in
            if let former = state.membership {
                if former.user === user, user.state.withLock({ $0.has(former) }) { return }
                former.user.state.withLock { $0.remove(former) }
            }
            let (own, name) = (state.own, self.identity.name)
            let number = user.state.withLock { $0.add(own, of: name) }
            state.membership = Membership(user: user, name: name, number: number)
        }
    }

    func hasJoined(_ user: QuotaLedger) -> Bool {
        self.state.withLock { state in
            guard let membership = state.membership, membership.user === user else { return false }
            return user.state.withLock { $0.has(membership) }
        }
    }

    /// Of all that have joined, only these go on counting.
    func keepShares(of names: [String]) {
        self.state.withLock { state in
            guard state.shares.contains(where: { !names.contains($0.key) }) else { return }
            state.shares = state.shares.filter { names.contains($0.key) }
        }
    }

    /// Whether what goes from one account to the other stays in the same quota.
    static func areOne(_ one: QuotaLedger, _ other: QuotaLedger) -> Bool {
        one === other || one.counting === other.counting
    }

    /// The ledger that the account counts in.
    private var counting: QuotaLedger { self.state.withLock { $0.membership?.user } ?? self }

    /// The state of that ledger.
    func withCounting<R: Sendable>(_ body: (State) -> R) -> R {
        self.state.withLock { state in
            guard let membership = state.membership else { return body(state) }
            return membership.user.state.withLock { body($0) }
        }
    }

    /// Changes of two accounts, in one step when these are in one quota: what moves counts once at every moment.
    static func apply(_ change: Change, _ ledger: QuotaLedger, _ other: Change, _ otherLedger: QuotaLedger) {
        if ledger === otherLedger { return ledger.apply(change + other) }
        guard !change.isNothing, !other.isNothing else {
            ledger.apply(change)
            return otherLedger.apply(other)
        }
        let isInOrder = ledger.comesBefore(otherLedger)
        let (first, second) = isInOrder ? (ledger, otherLedger) : (otherLedger, ledger)
        let (firstChange, secondChange) = isInOrder ? (change, other) : (other, change)
        let crossings: [QuotaCrossing]? = first.state.withLock { state in
            guard let membership = state.membership else { return nil }
            return second.state.withLock { (next) -> [QuotaCrossing]? in
                if membership.user === second {
                    state.own.take(firstChange)
                    let own = state.own
                    return next.crossings(of: second.identity) { user in
                        user.own.take(secondChange)
                        user.enter(own, as: membership)
                    }
                }
                guard let sibling = next.membership, sibling.user === membership.user else { return nil }
                state.own.take(firstChange)
                next.own.take(secondChange)
                let (own, others) = (state.own, next.own)
                return membership.user.state.withLock { user in
                    user.crossings(of: membership.user.identity) { user in
                        user.enter(own, as: membership)
                        user.enter(others, as: sibling)
                    }
                }
            }
        }
        if let crossings { return first.tell(crossings) }
        ledger.apply(change)
        otherLedger.apply(other)
    }

    /// The order of locks.
    private func comesBefore(_ other: QuotaLedger) -> Bool {
        guard self.identity.isOfNamespace == other.identity.isOfNamespace else { return self.identity.isOfNamespace }
        return ObjectIdentifier(self) < ObjectIdentifier(other)
    }
}

extension QuotaLedger.State {
    /// Tells the user's ledger what the account holds.
    func passOn() {
        guard let membership = self.membership else { return }
        let own = self.own
        membership.user.state.withLock { $0.enter(own, as: membership) }
    }

    // MARK: Of a user

    fileprivate mutating func add(_ holding: QuotaLedger.Holding, of name: String) -> UInt64 {
        self.lastShare += 1
        self.shares[name] = QuotaLedger.Share(number: self.lastShare, holding: holding)
        return self.lastShare
    }

    fileprivate func has(_ membership: QuotaLedger.Membership) -> Bool {
        self.shares[membership.name]?.number == membership.number
    }

    fileprivate mutating func remove(_ membership: QuotaLedger.Membership) {
        if self.has(membership) { self.shares[membership.name] = nil }
    }

    mutating func enter(_ holding: QuotaLedger.Holding, as membership: QuotaLedger.Membership) {
        if self.has(membership) { self.shares[membership.name]?.holding = holding }
    }
}
