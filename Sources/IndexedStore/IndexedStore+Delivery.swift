internal import MailCore
public import MailStore

/// Deliveries with what they do beside storing messages.
extension IndexedStore {
    public var deliveryMemory: any DeliveryMemory { self.volume.memory }

    public var outgoingQueue: (any OutgoingQueue)? { StoreQueue(self.volume) }

    public var eventQueue: (any EventQueue)? { StoreEvents(self.volume) }

    public func deliver(_ parcels: [Parcel]) async -> [ParcelResult] {
        var pending: [Depositing.PendingParcel] = []
        var deposits: [Deposit] = []
        for parcel in parcels {
            let first = deposits.count
            deposits += parcel.deposits
            var own = Depositing.PendingParcel(deposits: first..<deposits.count)
            do throws(StoreError) {
                if let traced = parcel.trace {
                    own.trace = (try await self.storeAccount(behind: traced.account).core.id, traced.delivery)
                }
                for mail in parcel.effects.outgoing {
                    let account = try await self.storeAccount(behind: mail.account)
                    own.outgoing.append((account.core.id, account.identity, mail))
                }
                for memory in parcel.effects.remembered {
                    let account = try await self.storeAccount(behind: memory.account)
                    own.remembered.append(
                        RecordedEffects.Memory(account: account.core.id, key: memory.key, expires: memory.expires))
                }
            } catch {
                own.failure = error
            }
            pending.append(own)
        }
        let outcome = await self.deposit(deposits, .each, parcels: pending)
        return zip(pending, outcome.effects).map { parcel, effects in
            ParcelResult(deposits: Array(outcome.deposits[parcel.deposits]), effects: effects)
        }
    }

    /// The account of the store behind what a user sees.
    func storeAccount(behind account: any MailAccount) async throws(StoreError) -> StoreAccount {
        if let own = account as? StoreAccount, own.volume === self.volume { return own }
        guard let own = try await self.account(account.identity) as? StoreAccount else {
            throw StoreError(.cannot, "account of another store")
        }
        return own
    }
}
