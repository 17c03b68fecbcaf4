import Delivery
import IMAPCore
import MailCore
import MailStore
import ServerCore

extension Session {
    /// The end of REPLACE (RFC 8508): the new message comes and the old one goes in one step. APPENDUID goes ahead of
    /// EXPUNGE (section 4.3).
    func replace(_ target: AppendTarget, _ deposits: [Deposit], _ tag: Tag) async throws(ConnectionError) {
        guard let replaced = target.replaced, let deposit = deposits.first else { return }
        let heard = await self.eventName(target.name)
        let note = self.eventNote(.append, heard)
        let stored: StoredMessage
        do throws(StoreError) {
            let mailbox = try await replaced.mailbox.baseForRemoval()
            let store = self.options.store
            stored = try await EventNote.noting(note) { () async throws(StoreError) in
                try await store.replace(replaced.uid, in: mailbox, by: deposit)
            }
        } catch {
            return try await self.refuseTarget(tag, target.name, error)
        }
        self.statistics.expunged += 1
        await self.noteOwn([stored.uid], in: target.name)
        self.postAppend(note, [stored.uid], in: heard)
        if await self.maySelect(target.name) {
            let code = ResponseCode.appendUID(stored.uidValidity, UIDSet(CollectionOfOne(stored.uid)))
            self.write { $0.untagged(.ok, code, "Replacement is stored") }
        }
        try await self.finishRemoval(tag, 1, "Replace completed")
    }
}
