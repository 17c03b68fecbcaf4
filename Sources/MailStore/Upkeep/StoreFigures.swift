/// What a store is made of and how it does at the moment: for monitoring.
public struct StoreFigures: Sendable, Hashable {
    /// One of several volumes.
    public struct Volume: Sendable, Hashable {
        public var name: String
        /// As that of the store.
        public var failure: String?
        public var freeOctets: UInt64

        public init(name: String, failure: String?, freeOctets: UInt64) {
            self.name = name
            self.failure = failure
            self.freeOctets = freeOctets
        }
    }

    /// What keeps the store, or one of its volumes, from taking changes; `nil` while it works.
    public var failure: String?
    /// Empty for a store of one volume.
    public var volumes: [Volume] = []
    public var accounts = 0
    /// Octets of the log's segment files, and their number.
    public var logOctets: UInt64 = 0
    public var logSegments = 0
    /// Number of the log's last record.
    public var lastRecord: UInt64 = 0
    /// Octets of the index that are in use or free for reuse.
    public var indexOctets: UInt64 = 0
    /// When the index was written into the log last, seconds since 1970; `nil`: never.
    public var checkpointTime: Int64?
    /// Changes that are not flushed yet, and those that are not in the index yet.
    public var unflushed = 0
    public var unapplied = 0
    /// Mails that wait for the MTA, and their octets.
    public var outgoing = 0
    public var outgoingOctets: UInt64 = 0
    /// Octets of the volume's file system that are free for it.
    public var freeOctets: UInt64 = 0

    public init() {}
}
