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
            figures.failure = volume.committer.failure.map(\.description)
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
}
