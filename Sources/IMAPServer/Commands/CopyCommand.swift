import Delivery
import IMAPCore
import MailCore
import MailStore
import ServerCore

extension Session {
    /// COPY (RFC 9051 section 6.4.7).
    func copy(_ tag: Tag, _ command: CopyCommand) async throws(ConnectionError) {
        guard let (selected, indices) = self.resolve(tag, command.messages, command.numbering) else { return }
        guard let target = try await self.mailboxName(tag, command.mailbox, .cannot) else { return }
        let uids = selected.uids(indices)
        guard !uids.isEmpty else { return try await self.finishWithNone(tag, target, "No messages copied") }
        // All or none: not even some are copied (RFC 9738 section 3.1).
        if let excess = self.exceedsSaveLimit(indices, in: selected.view) {
            return try await self.refuse(tag, excess.code, "Too many messages to copy")
        }
        let mailbox = selected.mailbox
        let heard = await self.eventName(target)
        let note = self.eventNote(.copy, heard, from: mailbox.name)
        let result: CopyResult
        self.beginProgress(tag, stages: 0)
        do throws(StoreError) {
            result = try await EventNote.noting(note) { () async throws(StoreError) in
                try await mailbox.copy(uids, to: target)
            }
        } catch {
            return try await self.refuseTarget(tag, target, error)
        }
        self.endProgress()
        if target == self.trash { self.statistics.trashed += result.source.count }
        await self.noteOwn(result.target, in: target)
        self.postCopy(note, result, from: mailbox.name, to: heard, isMove: false)
        guard !result.source.isEmpty else {
            return try await self.refuse(tag, .expungeIssued, "The messages have been expunged")
        }
        try await self.finish(tag, await self.maySelect(target) ? result.code : nil, "Copy completed")
    }

    /// MOVE (RFC 6851): COPYUID in an untagged OK before the EXPUNGEs.
    func move(_ tag: Tag, _ command: CopyCommand) async throws(ConnectionError) {
        guard let (selected, meant) = self.resolve(tag, command.messages, command.numbering) else { return }
        var indices = meant
        guard !selected.isReadOnly else { return try await self.refuseReadOnly(tag) }
        guard let target = try await self.mailboxName(tag, command.mailbox, .cannot) else { return }
        let reached = self.limit(&indices, in: selected.view)
        let uids = selected.uids(indices)
        guard !uids.isEmpty else { return try await self.finishWithNone(tag, target, "No messages moved") }
        let mailbox = selected.mailbox
        let heard = await self.eventName(target)
        let note = self.eventNote(.copy, heard, from: mailbox.name, isMove: true)
        let result: CopyResult
        self.beginProgress(tag, stages: 0)
        do throws(StoreError) {
            result = try await EventNote.noting(note) { () async throws(StoreError) in
                try await mailbox.move(uids, to: target)
            }
        } catch {
            return try await self.refuseTarget(tag, target, error)
        }
        self.endProgress()
        if target == self.trash { self.statistics.trashed += result.source.count }
        await self.noteOwn(result.target, in: target)
        self.postCopy(note, result, from: mailbox.name, to: heard, isMove: true)
        guard !result.source.isEmpty else {
            return try await self.refuse(tag, .expungeIssued, "The messages have been expunged")
        }
        self.statistics.expunged += result.source.count
        if await self.maySelect(target) { self.write { $0.untagged(.ok, result.code, "Moved UIDs") } }
        try await self.finishRemoval(tag, result.source.count, "Move completed", reached)
    }

    /// Ends a COPY or MOVE of no messages, which fails all the same where there is no target (RFC 9051 section 6.4.7).
    private func finishWithNone(
        _ tag: Tag, _ target: MailboxName, _ text: StaticString
    ) async throws(ConnectionError) {
        guard let account = self.account else { return self.bad(tag, "Please log in first") }
        do throws(StoreError) {
            try await self.requireTarget(target, account)
        } catch {
            return try await self.refuseTarget(tag, target, error)
        }
        try await self.finish(tag, text)
    }

    /// Whether the user may know of UIDs in a mailbox into which messages may be put without reading them (RFC 4315
    /// section 2).
    func maySelect(_ target: MailboxName) async -> Bool {
        guard let account = self.account else { return false }
        do throws(StoreError) {
            return try await account.rights(of: target).contains(.read)
        } catch {
            return false
        }
    }

    func refuseTarget(_ tag: Tag, _ target: MailboxName, _ error: StoreError) async throws(ConnectionError) {
        guard error.code == .notFound else { return try await self.refuse(tag, error) }
        let (code, text) = await self.missingTarget(target)
        try await self.refuse(tag, code, text)
    }
}

extension CopyResult {
    var code: ResponseCode { .copyUID(self.uidValidity, from: self.source, to: self.target) }
}
