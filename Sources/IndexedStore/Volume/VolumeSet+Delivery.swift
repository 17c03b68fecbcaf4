public import MailCore
public import MailStore

/// Messages for accounts in several volumes: each volume gets its own in one commit, beside the others.
extension VolumeSet {
    /// A deposit whose place in the store is known.
    private struct Placed: Sendable {
        var deposit: Deposit
        var store: IndexedStore
    }

    private func place(_ deposit: Deposit) async throws(StoreError) -> Placed {
        var deposit = deposit
        let place = try await deposit.account.destination(of: deposit.mailbox, deposit.missingMailbox)
        deposit.account = place.account
        deposit.mailbox = place.name
        deposit.flags = place.rights.permitted(deposit.flags)
        deposit.privateFlags = place.privateFlags ?? deposit.privateFlags
        deposit.keywords = place.rights.permitted(deposit.keywords)
        guard let account = deposit.account as? StoreAccount,
            let store = self.stores.first(where: { $0.volume === account.volume })
        else { throw StoreError(.cannot, "account of another store") }
        return Placed(deposit: deposit, store: store)
    }

    public func deposit(_ deposits: [Deposit]) async -> [Result<StoredMessage, StoreError>] {
        var results: [Result<StoredMessage, StoreError>?] = Array(repeating: nil, count: deposits.count)
        var placed: [(index: Int, placed: Placed)] = []
        for (index, deposit) in deposits.enumerated() {
            do throws(StoreError) {
                placed.append((index, try await self.place(deposit)))
            } catch {
                results[index] = .failure(error)
            }
        }
        let all = placed
        await withTaskGroup(of: [(Int, Result<StoredMessage, StoreError>)].self) { group in
            for store in self.stores {
                let own = all.filter { $0.placed.store === store }
                guard !own.isEmpty else { continue }
                group.addTask {
                    zip(own.map(\.index), await store.deposit(own.map(\.placed.deposit))).map { ($0, $1) }
                }
            }
            for await some in group {
                for (index, result) in some { results[index] = result }
            }
        }
        return results.map { $0 ?? .failure(StoreError(.temporary, "deposit without a result")) }
    }

    public func depositAll(_ deposits: [Deposit]) async throws(StoreError) -> [StoredMessage] {
        var placed: [Placed] = []
        for deposit in deposits { placed.append(try await self.place(deposit)) }
        guard let store = placed.first?.store else { return [] }
        guard placed.allSatisfy({ $0.store === store }) else {
            throw StoreError(.cannot, "messages for several accounts")
        }
        return try await store.depositAll(placed.map(\.deposit))
    }

    public func replace(
        _ uid: UID, in mailbox: any Mailbox, by deposit: Deposit
    ) async throws(StoreError) -> StoredMessage {
        let placed = try await self.place(deposit)
        guard let mailbox = mailbox as? OpenMailbox else { throw StoreError(.cannot, "mailbox of another store") }
        if mailbox.volume === placed.store.volume {
            return try await placed.store.replace(uid, in: mailbox, by: placed.deposit)
        }
        // The new one first, so that there is always one of them.
        guard mailbox.snapshot().record(of: uid) != nil else { throw StoreError(.expunged, "nothing to replace") }
        guard let stored = try await placed.store.depositAll([placed.deposit]).first else {
            throw StoreError(.temporary)
        }
        _ = try await mailbox.remove([uid])
        return stored
    }

    // MARK: Parcels

    public func deliver(_ parcels: [Parcel]) async -> [ParcelResult] {
        await withTaskGroup(of: [(Int, ParcelResult)].self) { group in
            var whole: [Int: [(index: Int, parcel: Parcel)]] = [:]
            for (index, parcel) in parcels.enumerated() {
                guard let home = await self.home(of: parcel) else {
                    group.addTask { [(index, await self.deliverApart(parcel))] }
                    continue
                }
                whole[home, default: []].append((index, parcel))
            }
            for (place, some) in whole {
                let store = self.stores[place]
                group.addTask {
                    zip(some.map(\.index), await store.deliver(some.map(\.parcel))).map { ($0, $1) }
                }
            }
            var results: [ParcelResult?] = Array(repeating: nil, count: parcels.count)
            for await some in group {
                for (index, result) in some { results[index] = result }
            }
            return zip(results, parcels).map { result, parcel in
                result ?? Self.failed(parcel, StoreError(.temporary, "parcel without a result"))
            }
        }
    }

    /// The one volume that all of a parcel is for.
    private func home(of parcel: Parcel) async -> Int? {
        var stores: [IndexedStore] = []
        do throws(StoreError) {
            for deposit in parcel.deposits { stores.append(try await self.place(deposit).store) }
            for account in parcel.accounts { stores.append(try await self.store(of: account)) }
        } catch {
            return nil
        }
        guard let first = stores.first, stores.allSatisfy({ $0 === first }) else { return nil }
        return self.stores.firstIndex { $0 === first }
    }

    /// A user's message for mailboxes in other volumes too, or one for which a place cannot be found. What goes out and
    /// is remembered comes last, and only when all the rest is stored.
    private func deliverApart(_ parcel: Parcel) async -> ParcelResult {
        var owner: IndexedStore?
        for account in parcel.accounts where owner == nil { owner = try? await self.store(of: account) }
        let home = owner ?? self.stores[0]
        var results: [Result<StoredMessage, StoreError>?] = Array(repeating: nil, count: parcel.deposits.count)
        var own: [(index: Int, deposit: Deposit)] = []
        for (index, deposit) in parcel.deposits.enumerated() {
            do throws(StoreError) {
                let placed = try await self.place(deposit)
                if placed.store === home {
                    own.append((index, placed.deposit))
                } else {
                    results[index] = await placed.store.deposit([placed.deposit])[0]
                }
            } catch {
                results[index] = .failure(error)
            }
        }
        var rest = parcel
        rest.deposits = own.map(\.deposit)
        var failure: StoreError?
        for case .failure(let error)? in results { failure = failure ?? error }
        if failure != nil { rest.effects = DeliveryEffects() }
        let stored = await home.deliver([rest])[0]
        for (place, result) in zip(own, stored.deposits) { results[place.index] = result }
        return ParcelResult(
            deposits: results.map { $0 ?? .failure(StoreError(.temporary, "deposit without a result")) },
            effects: parcel.effects.isEmpty ? stored.effects : failure.map { .failure($0) } ?? stored.effects)
    }

    private static func failed(_ parcel: Parcel, _ error: StoreError) -> ParcelResult {
        ParcelResult(deposits: parcel.deposits.map { _ in .failure(error) }, effects: .failure(error))
    }
}

extension Parcel {
    /// Whose volume its effects and its note go to.
    fileprivate var accounts: [any MailAccount] {
        (self.trace.map { [$0.account] } ?? []) + self.effects.outgoing.map(\.account)
            + self.effects.remembered.map(\.account)
    }
}
