internal import MailStore

/// The events of several volumes.
struct VolumeEvents: EventQueue {
    private let queues: [StoreEvents]

    init(_ stores: [IndexedStore]) { self.queues = stores.map { StoreEvents($0.volume) } }

    func waiting() async throws(StoreError) -> [NotedEvent] {
        var events: [NotedEvent] = []
        for queue in self.queues { events += try await queue.waiting() }
        return events.sorted { $0.time < $1.time }
    }

    /// Only the volume that has the event knows its number.
    func done(_ parts: UInt8, of id: UInt64) { for queue in self.queues { queue.done(parts, of: id) } }
}

/// The events of a volume as others see them.
final class StoreEvents: EventQueue {
    private let volume: Volume

    init(_ volume: Volume) { self.volume = volume }

    func waiting() async throws(StoreError) -> [NotedEvent] {
        let volume = self.volume
        // Those of this process are in the hands of who asked for them.
        return try await volume.threads.run { () throws(StoreError) in
            try volume.schema.storedEvents().filter { volume.events.isEarlier($0.id) }
        }
    }

    func done(_ parts: UInt8, of id: UInt64) {
        guard self.volume.events.done(parts, of: id) else { return }
        _ = self.volume.committer.enqueue(
            PendingRecord(record: .eventDone(id: id, parts: parts), isAwaited: false))
    }
}
