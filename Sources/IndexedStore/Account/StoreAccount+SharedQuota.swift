internal import MailStore
internal import Synchronization

/// The accounts of one user that share a quota.
///
/// The one with INBOX keeps the others in memory: what they hold changes through these objects alone, whoever asks for
/// them. They know it weakly.
struct QuotaCircle {
    /// Of the account with INBOX: those that have joined it, by name.
    var joined: [String: StoreAccount] = [:]
    /// Of a joined account: the one with INBOX.
    weak var center: StoreAccount?
}

extension StoreAccount {
    func shareQuota(
        with members: [QuotaMember], opening open: @Sendable (QuotaMember) async throws(StoreError) -> any MailAccount
    ) async {
        guard !self.isRetired, !self.identity.isOfNamespace else { return }
        let known = self.quotaCircle.withLock { $0.joined }
        for member in members {
            if let account = known[member.name], !account.isRetired, account.core.quota.hasJoined(self.core.quota) {
                if let rules = member.rules { account.apply(rules) }
                continue
            }
            guard self.volume.quotaGaps.isDue(member.name, self.volume.now) else { continue }
            do throws(StoreError) {
                let account = try await self.account(of: member, open)
                if let rules = member.rules { account.apply(rules) }
                account.core.quota.join(self.core.quota)
                account.quotaCircle.withLock { $0.center = self }
                // An older object's last reference may go here, outside of the lock.
                _ = self.quotaCircle.withLock { $0.joined.updateValue(account, forKey: member.name) }
                self.volume.quotaGaps.close(member.name)
            } catch {
                guard self.volume.quotaGaps.note(member.name, self.volume.now) else { continue }
                self.volume.configuration.log(
                    .warning,
                    "\(self.identity.name): account \(member.name) does not count for the quota until it can be opened: "
                        + "\(error)")
            }
        }
        let names = members.map(\.name)
        guard known.keys.contains(where: { !names.contains($0) }) else { return }
        self.core.quota.keepShares(of: names)
        let left = self.quotaCircle.withLock { circle in
            let left = circle.joined.filter { !names.contains($0.key) }
            circle.joined = circle.joined.filter { names.contains($0.key) }
            return left
        }
        // Their last references may go here, outside of the lock.
        _ = left
    }

    private func account(
        of member: QuotaMember, _ open: @Sendable (QuotaMember) async throws(StoreError) -> any MailAccount
    ) async throws(StoreError) -> StoreAccount {
        guard let account = try await open(member) as? StoreAccount, account.identity.isOfNamespace else {
            throw StoreError(.cannot, "account of another store")
        }
        return account
    }

    /// The accounts that count in this one's quota.
    var joinedAccounts: [StoreAccount] { self.quotaCircle.withLock { Array($0.joined.values) } }

    /// All others that are in the same quota.
    var quotaSharers: [StoreAccount] {
        let (center, joined) = self.quotaCircle.withLock { ($0.center, Array($0.joined.values)) }
        guard let center else { return joined }
        return [center] + center.joinedAccounts.filter { $0 !== self }
    }
}

/// Accounts that cannot be opened, and so do not count for quotas: each is told of once, and tried again now and then.
final class QuotaGaps: Sendable {
    /// Seconds until such an account is tried again: a disk that is away is not to cost each message a look.
    private static let pause: Int64 = 30
    /// Names that are remembered.
    private static let limit = 100_000

    /// When they were tried last.
    private let names = Mutex<[String: Int64]>([:])

    func isDue(_ name: String, _ now: Int64) -> Bool {
        self.names.withLock { names in
            guard let last = names[name] else { return true }
            // A clock may be put back.
            return now < last || now - last >= Self.pause
        }
    }

    /// Whether it is to be told.
    func note(_ name: String, _ now: Int64) -> Bool {
        self.names.withLock { names in
            if names.count >= Self.limit { names = [:] }
            return names.updateValue(now, forKey: name) == nil
        }
    }

    func close(_ name: String) {
        self.names.withLock { names in
            if !names.isEmpty { names[name] = nil }
        }
    }
}
