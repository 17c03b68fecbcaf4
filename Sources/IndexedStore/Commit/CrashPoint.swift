/// Places in the write path at which a test may stop the process or copy the volume as a crash would leave it.
package enum CrashPoint: String, CaseIterable, Sendable {
    /// The message's files are written to their temporary place.
    case afterPrepare
    /// Records are encoded, nothing is written.
    case beforeLogWrite
    /// The log is flushed, nobody knows yet.
    case afterFlush
    /// About to make a flushed message's file visible.
    case beforePublish
    /// The file is visible, the caller has no answer.
    case afterPublish
    /// Inside the index transaction, before its commit.
    case inApply
    case afterApply
    /// Before and after the renames, removals and rows that come behind.
    case beforeFileWork
    case afterFileWork
    case afterFileSync
    /// A mailbox's directory is made, renamed or removed, or is about to be.
    case aroundMailboxFiles
    /// A checkpoint is about to begin; has some of its rows in the log; is whole there, and nobody knows.
    case beforeCheckpoint
    case inCheckpoint
    case afterCheckpoint
    /// Messages of a sparse segment are about to be copied; are copied, and the index does not know.
    case beforeCleaning
    case afterCleaning
    /// About to give segments back.
    case beforeRecycling
}
