import Authentication
import MIMECore
import MailCore
import MailStore
import SASLCore
import Synchronization

/// One INBOX in memory, for sessions under test.
final class MemoryMailbox: Mailbox {
    struct Message: Sendable {
        var uid: UInt32
        var octets: String
        var override: String?
        var order: UInt32?
    }

    private struct State {
        var snapshot: MailboxSnapshot
        var octets: [UID: String] = [:]
        var overrides: [UID: String] = [:]
        var orders: [UID: UInt32] = [:]
        var removed = UIDSet()
        var seen = UIDSet()
        var isClosed = false
        var fails = false
    }

    private let state: Mutex<State>
    let name = MailboxName.inbox
    let access = MailboxAccess.readWrite
    let guid = "0123456789abcdef0123456789abcdef"
    let isDeleted = false

    init(_ messages: [Message], uidValidity: UInt32 = 1_000_000_000) {
        guard let validity = UIDValidity(rawValue: uidValidity) else { preconditionFailure("never 0") }
        var state = State(snapshot: MailboxSnapshot(uidValidity: validity))
        for message in messages {
            let uid = UID(nonZero: message.uid)
            state.snapshot.append(
                MessageRecord(
                    uid: uid, flags: [], keywords: .empty, modSeq: .zero, internalDate: 0,
                    size: UInt32(message.octets.utf8.count)))
            state.octets[uid] = message.octets
            state.overrides[uid] = message.override
            state.orders[uid] = message.order
        }
        self.state = Mutex(state)
    }

    var removed: UIDSet { self.state.withLock { $0.removed } }
    var seen: UIDSet { self.state.withLock { $0.seen } }
    var isClosed: Bool { self.state.withLock { $0.isClosed } }

    /// A message that another session removes.
    func lose(_ uid: UInt32) { self.state.withLock { $0.octets[UID(nonZero: uid)] = nil } }

    /// From now on every change fails.
    func fail() { self.state.withLock { $0.fails = true } }

    func snapshot() -> MailboxSnapshot { self.state.withLock { $0.snapshot } }

    func takeRecent() -> UIDSet { [] }

    func store(
        _ change: FlagChange, _ uids: UIDSet, unchangedSince: ModSeq?
    ) async throws(StoreError) -> FlagChangeResult {
        self.state.withLock { if change.flags == .seen { $0.seen = uids } }
        return FlagChangeResult()
    }

    func expunge(_ uids: UIDSet?) async throws(StoreError) -> UIDSet { throw StoreError(.cannot) }

    func remove(_ uids: UIDSet) async throws(StoreError) -> UIDSet {
        let fails = self.state.withLock { state in
            if !state.fails { state.removed = uids }
            return state.fails
        }
        if fails { throw StoreError(.diskFull) }
        return uids
    }

    func copy(_ uids: UIDSet, to target: MailboxName) async throws(StoreError) -> CopyResult {
        throw StoreError(.cannot)
    }

    func move(_ uids: UIDSet, to target: MailboxName) async throws(StoreError) -> CopyResult {
        throw StoreError(.cannot)
    }

    func caches(
        of records: some Sequence<MessageRecord> & Sendable,
        _ visit: (MessageRecord, MessageCache.View?) -> Bool
    ) async throws(StoreError) {}

    func vanished(_ uids: UIDSet, since modSeq: ModSeq) async throws(StoreError) -> UIDSet? { nil }

    func octets(
        of records: [MessageRecord], limit: Int
    ) async throws(StoreError) -> [Result<MessageOctets, StoreError>] {
        self.state.withLock { state in
            records.map { record in
                state.octets[record.uid].map { .success(MessageOctets(Array($0.utf8))) }
                    ?? .failure(StoreError(.expunged))
            }
        }
    }

    func pop3Orders() async throws(StoreError) -> [UID: UInt32] { self.state.withLock { $0.orders } }

    func details(of uid: UID) async throws(StoreError) -> MessageDetails {
        let override = self.state.withLock { $0.overrides[uid] }
        return MessageDetails(saveDate: 0, guid: "guid-\(uid.rawValue)", pop3UIDL: override)
    }

    func close() { self.state.withLock { $0.isClosed = true } }
}

/// A store whose every account has the same INBOX.
final class MemoryStore: MailStore, MailAccount {
    let inbox: MemoryMailbox
    let threads = StorageThreads(count: 1)
    let identity = AccountIdentity(name: "mrose", home: "/", mailPath: "/")
    let namespaces: [Namespace] = []

    init(_ inbox: MemoryMailbox) { self.inbox = inbox }

    func account(_ identity: AccountIdentity) async throws(StoreError) -> any MailAccount { self }

    func open(
        _ name: MailboxName, _ access: MailboxAccess, onChange: @escaping @Sendable () -> Void
    ) async throws(StoreError) -> any Mailbox { self.inbox }

    func makeSpool() -> MessageSpool { MessageSpool(directory: "/", threads: self.threads) }
    func deposit(_ deposits: [Deposit]) async -> [Result<StoredMessage, StoreError>] { [] }
    func replace(
        _ uid: UID, in mailbox: any Mailbox, by deposit: Deposit
    ) async throws(StoreError) -> StoredMessage { throw StoreError(.cannot) }

    func depositAll(_ deposits: [Deposit]) async throws(StoreError) -> [StoredMessage] { [] }
    func accountNames() async throws(StoreError) -> [String] { [] }
    func close() async {}
    func mailboxes() async throws(StoreError) -> [MailboxListing] { [] }
    func subscriptions() async throws(StoreError) -> [MailboxName] { [] }
    func create(_ name: MailboxName, specialUse: SpecialUse?) async throws(StoreError) {}
    func delete(_ name: MailboxName) async throws(StoreError) {}
    func rename(_ name: MailboxName, to target: MailboxName) async throws(StoreError) {}
    func subscribe(_ name: MailboxName) async throws(StoreError) {}
    func unsubscribe(_ name: MailboxName) async throws(StoreError) {}
    func status(of name: MailboxName) async throws(StoreError) -> MailboxStatus { throw StoreError(.cannot) }
    func resync(_ name: MailboxName) async throws(StoreError) {}
}

/// Knows `mrose` with the password `secret`.
struct OneUser: Authenticator {
    func authenticate(
        _ request: AuthenticationRequest, mechanism: SASLMechanismName, initialResponse: [UInt8]?,
        answer: (_ challenge: [UInt8]) async -> SASLClientReply
    ) async -> AuthenticationOutcome {
        guard let mechanism = SASLRegistry.builtIn[mechanism] else {
            return .failure(AuthenticationFailure(.unknownMechanism))
        }
        var exchange = mechanism.begin()
        var action = exchange.received(initialResponse)
        while true {
            switch action {
            case .challenge(let challenge):
                switch await answer(challenge) {
                case .response(let response): action = exchange.received(response)
                case .malformed: return .failure(AuthenticationFailure(.malformedResponse))
                case .cancelled: return .failure(AuthenticationFailure(.cancelled))
                }
            case .ask(.password(let credentials)):
                if credentials.authenticationIdentity == "busy" {
                    return .failure(AuthenticationFailure(.temporary))
                }
                let isRight =
                    credentials.authenticationIdentity == "mrose"
                    && credentials.password == Array("secret".utf8)
                action = exchange.answered(isRight ? .accepted : .refused)
            case .ask(.keys), .ask(.token): return .failure(AuthenticationFailure(.credentials))
            case .done:
                return .success(
                    Identity(user: "mrose"), UserRecord(user: "mrose", uid: 1000, gid: 1000, home: "/h"))
            case .fail(.refused): return .failure(AuthenticationFailure(.credentials))
            case .fail: return .failure(AuthenticationFailure(.malformedResponse))
            }
        }
    }

    func lookup(_ user: String, _ request: AuthenticationRequest) async -> UserLookup { .notFound }

    func list(
        matching mask: String, _ request: AuthenticationRequest
    ) async throws(AuthenticationFailure) -> [String] { [] }
}
