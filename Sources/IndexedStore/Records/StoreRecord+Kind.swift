/// What a record is, by the number that the log keeps beside its payload.
extension StoreRecord {
    /// The version of the payloads written; readers refuse higher ones.
    static let version: UInt8 = 1

    /// What the log keeps beside the payload.
    enum Kind: UInt8 {
        case account = 1
        case mailboxCreated = 2
        case mailboxDeleted = 3
        case mailboxesRenamed = 4
        case subscription = 5
        case metadata = 6
        case accessList = 7
        case added = 16
        case found = 17
        case copied = 18
        case flagged = 19
        case vanished = 20
        case recent = 21
        case keywords = 22
        case privateFlagged = 23
        case bodyMoved = 24
        case relocated = 25
        case addedPacked = 26
        case deliveredPacked = 27
        case bodyMovedPacked = 28
        case delivered = 32
        case outgoingChanged = 33
        case traced = 35
        case checkpoint = 40
        case closed = 41
        case restarted = 42
        case quotaLimits = 49
        case accountArrived = 50
        case accountLeft = 51
        case eventNoted = 56
        case eventDone = 57
    }

    var kind: Kind {
        switch self {
        case .account: .account
        case .mailboxCreated: .mailboxCreated
        case .mailboxDeleted: .mailboxDeleted
        case .mailboxesRenamed: .mailboxesRenamed
        case .subscription: .subscription
        case .metadata: .metadata
        case .accessList: .accessList
        case .added(let added):
            if added.isPacked {
                added.effects.isEmpty ? .addedPacked : .deliveredPacked
            } else {
                added.effects.isEmpty ? .added : .delivered
            }
        case .outgoingChanged: .outgoingChanged
        case .found: .found
        case .copied: .copied
        case .flagged: .flagged
        case .vanished: .vanished
        case .recent: .recent
        case .keywords: .keywords
        case .privateFlagged: .privateFlagged
        case .bodyMoved(let moved): moved.isPacked ? .bodyMovedPacked : .bodyMoved
        case .relocated: .relocated
        case .traced: .traced
        case .eventNoted: .eventNoted
        case .eventDone: .eventDone
        case .checkpoint: .checkpoint
        case .closed: .closed
        case .restarted: .restarted
        case .quotaLimits: .quotaLimits
        case .accountArrived: .accountArrived
        case .accountLeft: .accountLeft
        }
    }

    /// Whether a payload that cannot be read here is one that a later release may read.
    static func isOfNewerRelease(kind: UInt8, _ payload: UnsafeRawBufferPointer) -> Bool {
        Kind(rawValue: kind) == nil || (payload.first ?? 0) > Self.version
    }
}
