internal import MailStore

/// What scripts remember, each account's in its volume.
struct VolumeMemory: DeliveryMemory {
    private let set: VolumeSet

    init(_ set: VolumeSet) { self.set = set }

    private func store(of account: any MailAccount) throws(StoreError) -> IndexedStore {
        let name = account.identity.name
        for store in self.set.stores where store.volume.accounts.find(name) != nil { return store }
        for store in self.set.stores {
            if try store.volume.schema.accountID(name) != nil { return store }
        }
        return self.set.stores[0]
    }

    func claim(_ key: RememberedKey, of account: any MailAccount, at now: Int64) throws(StoreError) -> Bool {
        try self.store(of: account).deliveryMemory.claim(key, of: account, at: now)
    }

    func release(_ key: RememberedKey, of account: any MailAccount) {
        // Held where it was taken: asked of all, since the account may have moved meanwhile.
        for store in self.set.stores { store.deliveryMemory.release(key, of: account) }
    }
}
