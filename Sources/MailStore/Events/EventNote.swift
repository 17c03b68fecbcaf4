public import MailCore
import Synchronization

/// Asks for the changes of a task to be noted for who deals with them later, so that a crash forgets none of them: the note
/// is in the log with the change.
///
///     let note = EventNote(parts: 1, octets: ...)
///     let result = try await EventNote.noting(note) { () async throws(StoreError) in
///         try await mailbox.copy(uids, to: target)
///     }
///     for event in note.events { ... }
public final class EventNote: Sendable {
    /// Of the task that runs; `nil`: nobody wants to know.
    @TaskLocal public static var current: EventNote?

    /// What is to be done, a bit each.
    public let parts: UInt8
    /// What who deals with it wants to know beside; nothing to the store.
    public let octets: [UInt8]
    private let noted = Mutex<[NotedEvent]>([])

    public init(parts: UInt8, octets: [UInt8]) {
        self.parts = parts
        self.octets = octets
    }

    /// What was noted. Complete when the change is answered; means nothing when that failed.
    public var events: [NotedEvent] { self.noted.withLock { $0 } }

    /// For stores.
    public func add(_ event: NotedEvent) { self.noted.withLock { $0.append(event) } }

    /// Runs `body` with the note in force.
    public static func noting<Value: Sendable>(
        _ note: EventNote?, _ body: () async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        guard let note else { return try await body() }
        let result = await EventNote.$current.withValue(note) { () async -> Result<Value, StoreError> in
            do throws(StoreError) { return .success(try await body()) } catch { return .failure(error) }
        }
        return try result.get()
    }
}

/// A change that somebody has still to deal with.
public struct NotedEvent: Sendable {
    /// Ascending in the order of time; `nil`: so much waits that it is in memory only.
    public var id: UInt64?
    /// What is left to do, a bit each.
    public var parts: UInt8
    /// Seconds since 1970.
    public var time: Int64
    /// The messages, where they are now.
    public var uids: UIDSet
    /// Of a copy or move: what they were copied from, as many and in the same order.
    public var sources: UIDSet
    /// Of a change of flags: which changed, the same ones on each message.
    public var changedFlags: [String]
    /// `EventNote.octets`.
    public var octets: [UInt8]

    public init(
        id: UInt64?, parts: UInt8, time: Int64, uids: UIDSet, sources: UIDSet = [], changedFlags: [String] = [],
        octets: [UInt8]
    ) {
        self.id = id
        self.parts = parts
        self.time = time
        self.uids = uids
        self.sources = sources
        self.changedFlags = changedFlags
        self.octets = octets
    }
}

/// The changes of a store that are still to be dealt with.
public protocol EventQueue: Sendable {
    /// What earlier processes have left, the oldest first.
    func waiting() async throws(StoreError) -> [NotedEvent]

    /// Notes that parts of an event are done with. Does not wait for the disk: after a crash they may be to do again.
    func done(_ parts: UInt8, of id: UInt64)
}
