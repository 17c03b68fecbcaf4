internal import MailStore

/// The mails of all volumes that wait for the MTA. The volume's place is in the upper octet of a mail's number.
struct VolumeQueue: OutgoingQueue {
    private let queues: [StoreQueue]

    private static let shift: UInt32 = 24

    init(_ stores: [IndexedStore]) { self.queues = stores.map { StoreQueue($0.volume) } }

    var mails: [QueuedMail] {
        self.queues.enumerated().flatMap { place, queue in queue.mails.map { Self.outside($0, place) } }
            .sorted { ($0.queuedAt, $0.id) < ($1.queuedAt, $1.id) }
    }

    private static func outside(_ mail: QueuedMail, _ place: Int) -> QueuedMail {
        var mail = mail
        mail.id = OutgoingID(delivery: mail.id.delivery, number: mail.id.number | UInt32(place) << Self.shift)
        return mail
    }

    /// Another one where one of the volumes is another.
    var identity: UInt64 { self.queues.reduce(0) { ($0 << 1 | $0 >> 63) ^ $1.identity } }

    func takeDue(at now: Int64, longest: Int64) -> DueMail {
        var next: Int64?
        for (place, queue) in self.queues.enumerated() {
            switch queue.takeDue(at: now, longest: longest) {
            case .mail(let mail): return .mail(Self.outside(mail, place))
            case .later(let time): next = min(next ?? time, time)
            case .none: break
            }
        }
        guard let next else { return DueMail.none }
        return .later(next)
    }

    func putBack(_ id: OutgoingID) {
        if let (queue, own) = try? self.find(id) { queue.putBack(own) }
    }

    var load: (count: Int, octets: UInt64) {
        self.queues.reduce((0, 0)) { sum, queue in
            let one = queue.load
            return (sum.0 + one.count, sum.1 &+ one.octets)
        }
    }

    func watch(_ body: @escaping @Sendable () -> Void) { for queue in self.queues { queue.watch(body) } }

    func content(of id: OutgoingID) async throws(StoreError) -> QueuedContent {
        let (queue, own) = try self.find(id)
        return try await queue.content(of: own)
    }

    func note(_ change: OutgoingChange, of id: OutgoingID) async throws(StoreError) {
        let (queue, own) = try self.find(id)
        try await queue.note(change, of: own)
    }

    private func find(_ id: OutgoingID) throws(StoreError) -> (StoreQueue, OutgoingID) {
        let place = Int(id.number >> Self.shift)
        guard place < self.queues.count else { throw StoreError(.notFound, "no mail \(id) in the queue") }
        return (
            self.queues[place],
            OutgoingID(delivery: id.delivery, number: id.number & (UInt32(1) << Self.shift - 1))
        )
    }
}
