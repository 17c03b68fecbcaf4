internal import MailCore
internal import MailStore
internal import VolumeLog

/// The outgoing mails of a store as others see them.
final class StoreQueue: OutgoingQueue {
    private let volume: Volume

    init(_ volume: Volume) { self.volume = volume }

    var mails: [QueuedMail] { self.volume.outgoing.mails }

    var identity: UInt64 { self.volume.log.tag }

    func takeDue(at now: Int64, longest: Int64) -> DueMail {
        self.volume.outgoing.takeDue(at: now, longest: longest)
    }

    func putBack(_ id: OutgoingID) { self.volume.outgoing.putBack(id) }

    var load: (count: Int, octets: UInt64) { self.volume.outgoing.load }

    func watch(_ body: @escaping @Sendable () -> Void) { self.volume.outgoing.watch(body) }

    func content(of id: OutgoingID) async throws(StoreError) -> QueuedContent {
        guard let (key, _) = self.volume.outgoing.find(id) else { throw Self.missing(id) }
        let volume = self.volume
        try await volume.applied(volume.committer.lastTicket)
        return try await volume.threads.run { () throws(StoreError) in
            let row: OutgoingRow?
            do throws(StoreError) {
                row = try volume.schema.outgoingRow(key)
            } catch {
                // The log still has the mail, and an index made again from it finds it.
                throw error.code == .damaged ? StoreError(.temporary, error.detail) : error
            }
            guard let row else {
                // Deleted meanwhile, or a row that the index has lost.
                guard volume.outgoing.find(id) != nil else { throw Self.missing(id) }
                throw StoreError(.temporary, "index: no content of mail \(id)")
            }
            let message = row.hasBody ? try volume.readBody(key.body) : MessageOctets(row.inline)
            return QueuedContent(prefix: row.prefix, message: message)
        }
    }

    func note(_ change: OutgoingChange, of id: OutgoingID) async throws(StoreError) {
        guard let (key, mail) = self.volume.outgoing.find(id) else { throw Self.missing(id) }
        var changed = OutgoingChanged(key: key, state: nil)
        let attempts = UInt32(clamping: mail.attempts)
        switch change {
        case .handedOver:
            changed.state = OutgoingChanged.State(
                attempts: attempts &+ 1, nextAttempt: mail.nextAttempt, lastError: mail.lastError, isHandedOver: true)
        case .deferred(let time, let reason):
            changed.state = OutgoingChanged.State(
                attempts: attempts, nextAttempt: time, lastError: String(reason.prefix(500)), isHandedOver: false)
        case .gone: break
        }
        _ = try await self.volume.commit(.outgoingChanged(changed))
        self.volume.outgoing.apply(changed)
        if case .deferred = change { self.volume.outgoing.tell() }
    }

    private static func missing(_ id: OutgoingID) -> StoreError { StoreError(.notFound, "no mail \(id) in the queue") }
}
