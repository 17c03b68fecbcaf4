internal import Glibc
internal import LMDB
internal import MailCore
public import MailStore
internal import VolumeLog

extension IndexedStore {
    public func figures() async throws(StoreError) -> StoreFigures {
        let volume = self.volume
        return try await self.threads.run { () throws(StoreError) -> StoreFigures in
            var figures = StoreFigures()
            figures.failure = Self.trouble(of: volume)
            let segments = volume.log.size
            figures.logSegments = segments.count
            figures.logOctets = segments.octets
            figures.lastRecord = volume.log.lastSequence.rawValue
            figures.unflushed = volume.committer.waitingRecords
            figures.unapplied = volume.applier.waitingRecords
            let outgoing = volume.outgoing.load
            figures.outgoing = outgoing.count
            figures.outgoingOctets = outgoing.octets
            figures.accounts = try volume.schema.accountNames().count { !$0.hasPrefix(AccountIdentity.namespacePrefix) }
            do throws(LMDBError) {
                figures.indexOctets = UInt64(clamping: try volume.schema.environment.usage().usedSize)
            } catch {
                throw StoreError(error)
            }
            figures.checkpointTime = volume.log.noteTime(CheckpointPointer.name)
            var space = statvfs()
            if statvfs(volume.configuration.directory, &space) == 0 {
                figures.freeOctets = UInt64(space.f_bavail) &* UInt64(space.f_frsize)
            }
            return figures
        }
    }

    /// What has stopped a volume, or that there is no room in it.
    private static func trouble(of volume: Volume) -> String? {
        let committer = volume.committer
        var error = committer.refusalOfAdditions
        // Where nothing waits to be written, the next change may well be.
        if error == nil, committer.waitingRecords > 0, let refusal = committer.currentRefusal, refusal.code != .tooBig {
            error = refusal
        }
        return error.map { $0.detail.isEmpty ? $0.description : $0.detail }
    }
}
