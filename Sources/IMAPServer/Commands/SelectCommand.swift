import IMAPCore
import MailCore
import MailSearch
import MailStore
import ServerCore

extension Session {
    /// SELECT and EXAMINE (RFC 9051 sections 6.3.2 and 6.3.3).
    func select(
        _ tag: Tag, _ wire: WireMailboxName, _ parameters: SelectParameters, _ access: MailboxAccess
    ) async throws(ConnectionError) {
        if parameters.quickResync != nil, !self.knowsQuickResync {
            return self.bad(tag, "QRESYNC has not been enabled")
        }
        // Whether or not the new one opens, the old one is closed.
        if self.selected != nil {
            self.deselect()
            self.write { $0.untagged(.ok, .closed, "Previous mailbox closed") }
        }
        guard let name = try await self.mailboxName(tag, wire, .nonExistent) else { return }
        guard let account = self.account else { return self.bad(tag, "Please log in first") }
        let mailbox: any Mailbox
        do throws(StoreError) {
            let connection = self.connection
            // One that is not in the index yet takes its time: files are read for their sizes.
            self.beginProgress(tag, stages: 0)
            defer { self.endProgress() }
            mailbox = try await account.open(name, access) { connection.signal() }
        } catch {
            return try await self.refuse(tag, error)
        }
        let isReadOnly =
            switch access {
            case .readOnly: true
            // The store may know better: a mailbox the user may only read.
            case .readWrite: mailbox.access == .readOnly
            }
        let view = mailbox.snapshot()
        let selected = SelectedMailbox(
            mailbox: mailbox, isReadOnly: isReadOnly, tellsRecent: !self.knowsRev2, view: view,
            recent: mailbox.takeRecent(), toldModSeq: view.highestModSeq,
            toldKeywords: view.keywords.keywords.count, tellsUIDsOnly: self.usesUIDsOnly)
        self.selected = selected
        self.machine.selected(isReadOnly: isReadOnly)
        if parameters.enablesCondStore { self.knowsCondStore = true }
        self.describe(selected)
        do throws(StoreError) {
            try await self.tellSelected(name, wire, account)
        } catch {
            self.deselect()
            return try await self.refuse(tag, error)
        }
        if let resync = parameters.quickResync, resync.uidValidity == view.uidValidity {
            do throws(StoreError) {
                try await self.tellVanished(resync, view)
            } catch {
                self.deselect()
                return try await self.refuse(tag, error)
            }
            try await self.tellFlags(resync, selected)
        }
        if isReadOnly {
            self.write { $0.tagged(tag, .ok, .readOnly, "Mailbox opened read-only") }
        } else {
            self.write { $0.tagged(tag, .ok, .readWrite, "Mailbox opened") }
        }
    }

    private func describe(_ selected: SelectedMailbox) {
        self.writeFlags(selected)
        let view = selected.view
        let recent = selected.tellsRecent ? selected.recentCount : nil
        var firstUnseen: SequenceNumber?
        view.forEach { index, record in
            // IMAP4rev2 has no UNSEEN here (RFC 9051 appendix E).
            if !selected.tellsRecent || selected.tellsUIDsOnly { return false }
            if record.flags.contains(.seen) { return true }
            firstUnseen = SequenceNumber(index: index)
            return false
        }
        let signsURLs = self.offersURLs
        self.write { out in
            out.exists(view.count)
            if let recent { out.recent(recent) }
            if let firstUnseen { out.untagged(.ok, .unseen(firstUnseen), "First unseen") }
            out.untagged(.ok, .uidValidity(view.uidValidity), "UIDs valid")
            out.untagged(.ok, .mailboxID(MailboxID.text(selected.mailbox.guid)), "Mailbox identifier")
            out.untagged(.ok, .uidNext(view.uidNext), "Predicted next UID")
            out.untagged(.ok, .highestModSeq(view.highestModSeq), "Highest mod-sequence")
            if signsURLs { out.untagged(.ok, .urlMechanisms, "Mechanisms of URLs") }
        }
    }

    /// Leaves the selected mailbox.
    func deselect() {
        self.selected?.mailbox.close()
        self.selected = nil
        self.searchUpdates = SearchUpdates()
        self.machine.deselected()
    }

    /// CLOSE: expunges without telling, but not after EXAMINE (RFC 9051 section 6.4.1).
    func close(_ tag: Tag) async throws(ConnectionError) {
        if let selected = self.selected, !selected.isReadOnly {
            do throws(StoreError) {
                self.statistics.expunged += try await self.removeDeleted(selected, nil)
            } catch {
                // The client wants to leave; what could not be expunged is still marked.
                self.logFault(error)
            }
        }
        self.deselect()
        self.write { $0.tagged(tag, .ok, "Close completed") }
    }

    /// UNSELECT (RFC 3691).
    func unselect(_ tag: Tag) async throws(ConnectionError) {
        self.deselect()
        self.write { $0.tagged(tag, .ok, "Unselect completed") }
    }

    /// EXPUNGE, and UID EXPUNGE of a set (RFC 4315 section 2.1).
    func expunge(_ tag: Tag, _ set: SequenceSet?) async throws(ConnectionError) {
        guard let selected = self.selected else { return self.bad(tag, "No mailbox selected") }
        guard !selected.isReadOnly else { return try await self.refuseReadOnly(tag) }
        let count: Int
        var reached: LimitReached?
        do throws(StoreError) {
            var uids: UIDSet?
            if let set {
                var meant = selected.uids(selected.view.indices(of: set, .uid) ?? [])
                reached = self.limitDeleted(&meant, selected)
                uids = meant
            }
            count = try await self.removeDeleted(selected, uids)
        } catch {
            return try await self.refuse(tag, error)
        }
        self.statistics.expunged += count
        try await self.finishRemoval(tag, count, "Expunge completed", reached)
    }

    func refuseReadOnly(_ tag: Tag, _ expunges: ExpungeTelling = .allowed) async throws(ConnectionError) {
        try await self.refuse(tag, .readOnly, "The mailbox is read-only", expunges)
    }
}
