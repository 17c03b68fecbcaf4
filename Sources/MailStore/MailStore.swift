public import MailCore

/// A store of accounts. Safe to use from any thread; async calls run on the caller's executor and hop to
/// storage threads by themselves where they may wait for the disk.
public protocol MailStore: Sendable {
    /// Threads for scans that the caller wants off its event loop.
    var threads: StorageThreads { get }

    /// Opens an account, creating it (with its INBOX and the mailboxes that settings ask for) at first sight.
    func account(_ identity: AccountIdentity) async throws(StoreError) -> any MailAccount

    /// A spool for a message that is about to come in.
    func makeSpool() -> MessageSpool

    /// Stores each deposit, all in one commit where they can be: one body for all that share a message.
    ///
    /// Answered when each is durable. The results are in the order of the deposits and independent of each other.
    func deposit(_ deposits: [Deposit]) async -> [Result<StoredMessage, StoreError>]

    /// Does everything that a delivery does for its users, in one commit where it can be: messages with one body for
    /// all that share one, mails that go out, what is remembered. Answered when all of it is durable, in the order of
    /// the parcels, which are independent of each other.
    func deliver(_ parcels: [Parcel]) async -> [ParcelResult]

    /// Notes a delivery that stores and sends nothing, or failed. Does not wait for the disk.
    func note(_ delivery: TracedDelivery) async

    /// What is known of what happened to mail, in the order in which it happened.
    func trace(_ query: TraceQuery) async throws(StoreError) -> [TraceEvent]

    /// What scripts remember.
    var deliveryMemory: any DeliveryMemory { get }

    /// The mails that wait for the MTA; `nil`: nothing can be sent from here.
    var outgoingQueue: (any OutgoingQueue)? { get }

    /// What is still to be dealt with of changes that were noted (`EventNote`); `nil`: nothing is noted.
    var eventQueue: (any EventQueue)? { get }

    /// Stores all deposits or none: MULTIAPPEND (RFC 3502), APPEND. All go to one account.
    func depositAll(_ deposits: [Deposit]) async throws(StoreError) -> [StoredMessage]

    /// Moves an account's messages into another body format, named as in settings (`mail_driver`), with their UIDs,
    /// flags and MODSEQs; answers how many. The account works meanwhile; its sessions end once, for a moment. Can be
    /// repeated after a failure.
    func move(_ identity: AccountIdentity, toFormat driver: String) async throws(StoreError) -> Int

    /// Moves an account into another volume, named as in settings, with all that it has; answers how many messages were
    /// taken along. The account works meanwhile; its sessions end once, for a moment.
    func move(_ identity: AccountIdentity, toVolume name: String) async throws(StoreError) -> Int

    /// Has an account begin anew whose mail somebody removed on purpose. The store else takes it for being away, on a file
    /// system that is not mounted, and refuses the account. `false`, and nothing changed, when there is any mail.
    /// `.notFound` for an account that the store has never seen.
    func beginAnew(_ identity: AccountIdentity) async throws(StoreError) -> Bool

    /// Names of the accounts with a mailbox whose access control list is about one of the identifiers, sorted.
    func accountsSharing(with identifiers: [AccessIdentifier]) async throws(StoreError) -> [String]

    /// Where those who change access control lists say so (`AccountEvent.accessChanged`): a list can give somebody the
    /// first mailbox of an account, of which that user hears nothing yet. `nil`: nobody does.
    var accessFeed: AccountFeed? { get }

    /// Stores a message and removes another one, which an open mailbox of the same account has: REPLACE (RFC 8508). Nobody
    /// sees one without the other, except that after a crash before the answer both may be there.
    ///
    /// Durable when answered. `.expunged`, and nothing stored, when there is no such message.
    func replace(
        _ uid: UID, in mailbox: any Mailbox, by deposit: Deposit
    ) async throws(StoreError) -> StoredMessage

    /// Names of all accounts the store has seen, sorted.
    func accountNames() async throws(StoreError) -> [String]

    /// Whether the store has seen an account of that name.
    func hasAccount(_ name: String) async throws(StoreError) -> Bool

    /// Removes what rules say from all accounts, little by little; a store that cannot does nothing.
    ///
    /// - Parameter pause: called between two steps, with whether the last one found something to remove; waits as
    ///   long as the disk is to be left to others, and answers `false` to end early.
    func expire(
        _ rules: [ExpiryRule], pause: @Sendable (_ worked: Bool) async -> Bool
    ) async throws(StoreError) -> ExpiryReport

    /// Makes durable what is pending, lets waiting file work finish, closes. Later calls fail with `.temporary`.
    func close() async
}

extension MailStore {
    public func move(_ identity: AccountIdentity, toFormat driver: String) async throws(StoreError) -> Int {
        throw StoreError(.cannot, "a store of one format")
    }
    public func move(_ identity: AccountIdentity, toVolume name: String) async throws(StoreError) -> Int {
        throw StoreError(.cannot, "a store of one volume")
    }
    public func beginAnew(_ identity: AccountIdentity) async throws(StoreError) -> Bool { false }
    public func hasAccount(_ name: String) async throws(StoreError) -> Bool {
        try await self.accountNames().contains(name)
    }
    public func accountsSharing(with identifiers: [AccessIdentifier]) async throws(StoreError) -> [String] { [] }
    public var accessFeed: AccountFeed? { nil }
    public var deliveryMemory: any DeliveryMemory { ForgetfulMemory() }
    public var outgoingQueue: (any OutgoingQueue)? { nil }
    public var eventQueue: (any EventQueue)? { nil }
    public func note(_ delivery: TracedDelivery) async {}
    public func trace(_ query: TraceQuery) async throws(StoreError) -> [TraceEvent] { [] }

    /// Of a store that only stores.
    public func deliver(_ parcels: [Parcel]) async -> [ParcelResult] {
        var results = await self.deposit(parcels.flatMap(\.deposits))[...]
        return parcels.map { parcel in
            let own = Array(results.prefix(parcel.deposits.count))
            results = results.dropFirst(own.count)
            let cannot = StoreError(.cannot, "a store that sends nothing")
            return ParcelResult(
                deposits: own, effects: parcel.effects.isEmpty ? .success(()) : .failure(cannot))
        }
    }
}
