import Glibc
import MIMECore
import MailCore
import MailStore
import Synchronization

/// A store that keeps everything in memory: the contract, and nothing else.
final class MemoryStore: MailStore {
    let threads = StorageThreads(count: 2)
    private let accounts = Mutex<[String: MemoryAccount]>([:])

    func account(_ identity: AccountIdentity) async throws(StoreError) -> any MailAccount {
        self.accounts.withLock { accounts in
            if let known = accounts[identity.name] { return known }
            let new = MemoryAccount(identity)
            accounts[identity.name] = new
            return new
        }
    }

    func makeSpool() -> MessageSpool { MessageSpool(directory: "/tmp", threads: self.threads) }

    func deposit(_ deposits: [Deposit]) async -> [Result<StoredMessage, StoreError>] {
        deposits.map { deposit in
            do throws(StoreError) { return .success(try Self.store(deposit)) } catch {
                return .failure(error)
            }
        }
    }

    func depositAll(_ deposits: [Deposit]) async throws(StoreError) -> [StoredMessage] {
        var stored: [StoredMessage] = []
        for deposit in deposits { stored.append(try Self.store(deposit)) }
        return stored
    }

    func replace(
        _ uid: UID, in mailbox: any Mailbox, by deposit: Deposit
    ) async throws(StoreError) -> StoredMessage {
        guard mailbox.snapshot().record(of: uid) != nil else { throw StoreError(.expunged) }
        let stored = try Self.store(deposit)
        _ = try await mailbox.remove([uid])
        return stored
    }

    private static func store(_ deposit: Deposit) throws(StoreError) -> StoredMessage {
        guard let account = deposit.account as? MemoryAccount else { throw StoreError(.cannot) }
        let mailbox = try account.mailbox(deposit.mailbox)
        let uid = mailbox.add([
            .init(
                octets: deposit.message.octets, flags: deposit.flags, keywords: deposit.keywords,
                date: deposit.internalDate ?? Int64(time(nil)))
        ])
        return StoredMessage(uidValidity: mailbox.uidValidity, uid: uid[0])
    }

    func accountNames() async throws(StoreError) -> [String] { self.accounts.withLock { $0.keys.sorted() } }
    func close() async {}
}

final class MemoryAccount: MailAccount {
    struct State {
        var mailboxes: [MailboxName: MemoryMailbox] = [:]
        var uses: [MailboxName: SpecialUse] = [:]
        var subscriptions: Set<MailboxName> = []
        var nextValidity: UInt32 = 1000
        var server: [MetadataEntry: [UInt8]] = [:]
        /// By GUID.
        var metadata: [String: [MetadataEntry: [UInt8]]] = [:]
    }

    let identity: AccountIdentity
    let namespaces: [Namespace]
    let feed = AccountFeed()
    private let state = Mutex(State())

    init(_ identity: AccountIdentity) {
        self.identity = identity
        self.namespaces = [Namespace(kind: .personal, prefix: "", separator: UInt8(ascii: "/"))]
        self.state.withLock { $0.make(.inbox, nil, self.feed) }
    }

    func mailbox(_ name: MailboxName) throws(StoreError) -> MemoryMailbox {
        guard let mailbox = self.state.withLock({ $0.mailboxes[name] }) else { throw StoreError(.notFound) }
        return mailbox
    }

    func mailboxes() async throws(StoreError) -> [MailboxListing] {
        self.state.withLock { state in
            var names = Set(state.mailboxes.keys)
            for name in state.mailboxes.keys {
                var parent = name.parent
                while let ancestor = parent {
                    names.insert(ancestor)
                    parent = ancestor.parent
                }
            }
            return names.sorted().map { name in
                MailboxListing(
                    name: name, isSelectable: state.mailboxes[name] != nil,
                    hasChildren: names.contains { $0.isDescendant(of: name) },
                    isSubscribed: state.subscriptions.contains(name), specialUse: state.uses[name])
            }
        }
    }

    func subscriptions() async throws(StoreError) -> [MailboxName] {
        self.state.withLock { $0.subscriptions.sorted() }
    }

    func create(_ name: MailboxName, specialUse: SpecialUse?) async throws(StoreError) {
        guard name.isNetUnicode else { throw StoreError(.cannot) }
        let isNew = self.state.withLock { state in
            guard state.mailboxes[name] == nil else { return false }
            state.make(name, specialUse, self.feed)
            return true
        }
        if !isNew { throw StoreError(.alreadyExists) }
        self.feed.post(.created(name))
    }

    func delete(_ name: MailboxName) async throws(StoreError) {
        guard !name.isInbox else { throw StoreError(.cannot) }
        let isParent = self.state.withLock { state in
            state.mailboxes[name] == nil && state.mailboxes.keys.contains { $0.isDescendant(of: name) }
        }
        if isParent { throw StoreError(.cannot) }
        let mailbox = try self.mailbox(name)
        self.state.withLock { $0.mailboxes[name] = nil }
        mailbox.markDeleted()
        self.feed.post(.deleted(name))
    }

    func rename(_ name: MailboxName, to target: MailboxName) async throws(StoreError) {
        _ = try self.mailbox(name)
        guard target.isNetUnicode else { throw StoreError(.cannot) }
        let isFree = self.state.withLock { state in
            guard state.mailboxes[target] == nil else { return false }
            for old in state.mailboxes.keys where old == name || old.isDescendant(of: name) {
                guard let new = old.moved(from: name, to: target) else { continue }
                state.mailboxes[new] = state.mailboxes.removeValue(forKey: old)
                state.mailboxes[new]?.rename(new)
            }
            return true
        }
        if !isFree { throw StoreError(.alreadyExists) }
        self.feed.post(.renamed(from: name, to: target))
    }

    func subscribe(_ name: MailboxName) async throws(StoreError) {
        self.state.withLock { _ = $0.subscriptions.insert(name) }
        self.feed.post(.subscribed(name))
    }

    func unsubscribe(_ name: MailboxName) async throws(StoreError) {
        self.state.withLock { _ = $0.subscriptions.remove(name) }
        self.feed.post(.unsubscribed(name))
    }

    func status(of name: MailboxName) async throws(StoreError) -> MailboxStatus {
        let snapshot = try self.mailbox(name).snapshot()
        var status = MailboxStatus(
            messages: snapshot.count, unseen: 0, deleted: 0, recent: 0, size: 0, uidNext: snapshot.uidNext,
            uidValidity: snapshot.uidValidity, highestModSeq: snapshot.highestModSeq,
            guid: try self.mailbox(name).guid)
        snapshot.forEach { _, record in
            if !record.flags.contains(.seen) { status.unseen += 1 }
            if record.flags.contains(.deleted) { status.deleted += 1 }
            status.size += UInt64(record.size)
            return true
        }
        return status
    }

    func open(
        _ name: MailboxName, _ access: MailboxAccess, onChange: @escaping @Sendable () -> Void
    ) async throws(StoreError) -> any Mailbox {
        MemorySession(try self.mailbox(name), self, access, onChange)
    }

    func metadata(of owner: MetadataOwner) async throws(StoreError) -> [Metadata] {
        let guid: String?
        switch owner {
        case .server: guid = nil
        case .mailbox(let name): guid = try self.mailbox(name).guid
        }
        return self.state.withLock { state in
            var entries = guid.map { state.metadata[$0] ?? [:] } ?? state.server
            if case .mailbox(let name) = owner, let use = state.uses[name] {
                entries[.specialUse] = Array(use.rawValue.utf8)
            }
            return entries.map { Metadata($0.key, $0.value) }.sorted { $0.entry < $1.entry }
        }
    }

    func setMetadata(_ changes: [MetadataChange], of owner: MetadataOwner) async throws(StoreError) {
        for change in changes where change.value?.count ?? 0 > MetadataLimits.maximumValue {
            throw StoreError(.tooBig)
        }
        let name: MailboxName
        switch owner {
        case .server:
            self.state.withLock { state in
                for change in changes { state.server[change.entry] = change.value }
            }
            self.feed.post(.metadata(owner, changes.map(\.entry)))
            return
        case .mailbox(let owner): name = owner
        }
        let guid = try self.mailbox(name).guid
        let isPossible = self.state.withLock { state in
            var metadata = state.metadata[guid] ?? [:]
            for change in changes {
                if change.entry == .specialUse {
                    let text = change.value.map { String(decoding: $0, as: UTF8.self) } ?? ""
                    let use = SpecialUse(rawValue: text)
                    guard use != nil || text.isEmpty else { return false }
                    state.uses[name] = use
                } else {
                    metadata[change.entry] = change.value
                }
            }
            state.metadata[guid] = metadata
            return true
        }
        if !isPossible { throw StoreError(.cannot) }
        self.feed.post(.metadata(owner, changes.map(\.entry)))
    }

    func resync(_ name: MailboxName) async throws(StoreError) {}
}

extension MemoryAccount.State {
    mutating func make(_ name: MailboxName, _ use: SpecialUse?, _ feed: AccountFeed) {
        self.nextValidity += 1
        self.mailboxes[name] = MemoryMailbox(name, UIDValidity(rawValue: self.nextValidity)!, feed)
        self.uses[name] = use
    }
}
