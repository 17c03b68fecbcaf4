import MIMECore
import MailCore
import MailStore

/// A mailbox of given messages that only searches use.
final class ListedMailbox: Mailbox {
    struct Message: Sendable {
        var octets: [UInt8]
        var saveDate: Int64 = 0
        /// Without one, its octets must be read.
        var hasCache = true
        /// Without one, nothing is ruled out.
        var hasSignature = true
        /// Without them, its cache is asked.
        var hasKeys = true
        /// Its octets cannot be read.
        var isDamaged = false
    }

    private let view: MailboxSnapshot
    private let messages: [UID: Message]

    private let cacheOf: [UID: [UInt8]]
    private let signatureOf: [UID: [UInt8]]
    private let keysOf: [UID: [UInt8]]

    init(_ view: MailboxSnapshot, _ messages: [UID: Message]) {
        self.view = view
        self.messages = messages
        let caches = messages.mapValues { $0.octets.withUnsafeBytes { MessageCache.build(from: $0) } }
        self.cacheOf = caches.filter { messages[$0.key]?.hasCache == true }
        self.signatureOf = messages.filter { $0.value.hasSignature }.mapValues {
            $0.octets.withUnsafeBytes { TextSignature.build(from: $0, table: PartTable($0), converter: .system) }
        }
        self.keysOf = caches.filter { messages[$0.key]?.hasKeys == true }.mapValues {
            $0.withUnsafeBytes { blob in
                MessageCache.View(blob).map { HeaderKeys.build(from: $0, converter: .system) } ?? []
            }
        }
    }

    let name = MailboxName.inbox
    let access = MailboxAccess.readOnly
    let guid = ""
    let isDeleted = false
    func snapshot() -> MailboxSnapshot { self.view }
    func takeRecent() -> UIDSet { [] }
    func close() {}

    func caches(
        of records: some Sequence<MessageRecord> & Sendable,
        _ visit: (MessageRecord, MessageCache.View?) -> Bool
    ) async throws(StoreError) {
        for record in records {
            let blob = self.cacheOf[record.uid] ?? []
            let goesOn = blob.withUnsafeBytes { visit(record, MessageCache.View($0)) }
            if !goesOn { return }
        }
    }

    func signatures(
        of records: [MessageRecord], _ visit: (Int, TextSignature.View?) -> Bool
    ) async throws(StoreError) {
        for (position, record) in records.enumerated() {
            let signature = self.signatureOf[record.uid] ?? []
            let goesOn = signature.withUnsafeBytes { visit(position, TextSignature.View($0)) }
            if !goesOn { return }
        }
    }

    func headerKeys(
        of records: [MessageRecord], _ visit: (Int, HeaderKeys.View?) -> Bool
    ) async throws(StoreError) {
        for (position, record) in records.enumerated() {
            let keys = self.keysOf[record.uid] ?? []
            let goesOn = keys.withUnsafeBytes { visit(position, HeaderKeys.View($0)) }
            if !goesOn { return }
        }
    }

    func octets(
        of records: [MessageRecord], limit: Int
    ) async throws(StoreError) -> [Result<MessageOctets, StoreError>] {
        // Fewer than asked for, as a store may answer.
        records.prefix(3).map { record in
            guard let message = self.messages[record.uid] else { return .failure(StoreError(.expunged)) }
            return message.isDamaged ? .failure(StoreError(.damaged)) : .success(MessageOctets(message.octets))
        }
    }

    func details(of uid: UID) async throws(StoreError) -> MessageDetails {
        guard let message = self.messages[uid] else { throw StoreError(.expunged) }
        return MessageDetails(saveDate: message.saveDate, guid: "\(uid.rawValue)")
    }

    // MARK: Not for searches

    func store(
        _ change: FlagChange, _ uids: UIDSet, unchangedSince: ModSeq?
    ) async throws(StoreError) -> FlagChangeResult { throw StoreError(.cannot) }
    func expunge(_ uids: UIDSet?) async throws(StoreError) -> UIDSet { throw StoreError(.cannot) }
    func remove(_ uids: UIDSet) async throws(StoreError) -> UIDSet { throw StoreError(.cannot) }
    func vanished(_ uids: UIDSet, since modSeq: ModSeq) async throws(StoreError) -> UIDSet? { nil }
    func copy(_ uids: UIDSet, to target: MailboxName) async throws(StoreError) -> CopyResult {
        throw StoreError(.cannot)
    }
    func move(_ uids: UIDSet, to target: MailboxName) async throws(StoreError) -> CopyResult {
        throw StoreError(.cannot)
    }
}
