internal import LMDB
internal import VolumeLog

/// Brings an index that an earlier release wrote up to date, version by version, each in one transaction with its
/// new number.
///
/// A version without a step here is made again from the log.
enum IndexUpgrade {
    /// `false` when there is no way from that version.
    static func run(
        _ schema: IndexSchema, from version: UInt64, _ log: VolumeLog
    ) throws(LMDBError) -> Bool {
        var version = version
        while version < IndexSchema.version {
            guard version == 1 else { return false }
            try schema.environment.write { (transaction) throws(LMDBError) in
                // Version 2 says which log it belongs to.
                try schema.setMeta(.log, log.tag, transaction)
                try schema.setMeta(.version, 2, transaction)
            }
            version = 2
        }
        return true
    }
}
