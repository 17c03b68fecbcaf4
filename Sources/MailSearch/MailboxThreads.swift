public import IMAPCore
import MIMECore
import MailCore
public import MailStore

extension MailboxSearch {
    /// Gathers places in the view, ascending, into threads (RFC 5256 section 3). The numbers in the answer are
    /// positions in `places`.
    ///
    /// Headers come from the caches; the threads are built on a storage thread. Ends early, with threads that mean
    /// nothing, when `goesOn`, told how many headers have been read, says no.
    public func threads(
        _ places: [Int], by algorithm: ThreadCommand.Algorithm, goesOn: (Int) -> Bool = { _ in true }
    ) async throws(StoreError) -> MessageThreads {
        let memoKey = ThreadMemo.Key(algorithm: algorithm)
        let memo = places.count >= SortMemo.minimum ? self.mailbox.memo : nil
        let uids = memo == nil ? [] : ThreadMemo.uids(places, self.view)
        if let known = memo?.value(memoKey, ThreadMemo.self), known.uids == uids { return known.threads }
        var isWhole = true
        let goesOn = { (done: Int) -> Bool in
            if !goesOn(done) { isWhole = false }
            return isWhole
        }
        var gathering = ThreadGathering(count: places.count)
        try await self.keys(
            of: places, goesOn: goesOn, { gathering.append($0, $1, algorithm) }, { ThreadFields($0, algorithm) },
            { gathering.append($0, $1) })
        let gathered = gathering
        let threads = try await self.threads.run { () throws(StoreError) -> MessageThreads in
            gathered.threads(algorithm)
        }
        if isWhole { memo?.keep(ThreadMemo(uids: uids, threads: threads), memoKey) }
        return threads
    }
}

/// The threads of some messages: the same for these messages as long as they are there.
struct ThreadMemo: Sendable {
    struct Key: Hashable, Sendable {
        var algorithm: ThreadCommand.Algorithm
    }

    var uids: ContiguousArray<UInt32>
    var threads: MessageThreads

    static func uids(_ places: [Int], _ view: MailboxSnapshot) -> ContiguousArray<UInt32> {
        ContiguousArray(places.map { view[$0].uid.rawValue })
    }
}

/// What THREAD reads of one header.
struct ThreadFields: Sendable {
    /// More identifiers of one message have no effect.
    static let maximumReferences = 64

    var sentDate: Int64?
    var messageID: TextKey?
    var references: [TextKey] = []
    /// `nil` for the empty one.
    var subject: TextKey?
    var isReply = false

    /// `nil` when the header does not have all of it.
    init?(_ header: MessageHeader, _ algorithm: ThreadCommand.Algorithm) {
        self.sentDate = header.sentDate
        switch algorithm {
        case .references, .refs:
            self.messageID = header.messageID.map { TextKey(messageID: $0) }
            self.references = header.references(maximum: Self.maximumReferences).map {
                TextKey(messageID: $0)
            }
        case .orderedSubject: break
        }
        switch algorithm {
        case .references, .orderedSubject:
            guard let base = header.baseSubject else { return nil }
            self.isReply = base.isReply
            if !base.subject.isEmpty {
                var mapped: [UInt8] = []
                UnicodeCasemap.append(base.subject, to: &mapped)
                self.subject = TextKey(mapped)
            }
        case .refs: break
        }
    }
}
