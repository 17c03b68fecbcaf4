/// What a session did, for the line at its end.
struct SessionStatistics: Sendable {
    /// Messages marked \Deleted.
    var deleted = 0
    var expunged = 0
    /// Messages copied or moved to the trash.
    var trashed = 0
    /// Header sections sent, and their octets.
    var headerCount = 0
    var headerBytes: UInt64 = 0
    /// Other sections sent, and their octets.
    var bodyCount = 0
    var bodyBytes: UInt64 = 0
}
