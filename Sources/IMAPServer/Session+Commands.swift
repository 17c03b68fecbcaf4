import IMAPCore
import MailCore
import MailStore
import ServerCore

extension Session {
    /// Runs one command and writes its answer.
    func execute(_ tagged: TaggedCommand) async throws(ConnectionError) {
        let before = self.badCommands
        defer { self.endProgress() }
        switch self.machine.received(tagged.command) {
        case .run where self.usesUIDsOnly && tagged.command.hasSequenceNumbers:
            self.bad(tagged.tag, .uidRequired, "Expected no sequence numbers after ENABLE UIDONLY")
        case .run: try await self.run(tagged.command.replacingSavedResult(self.savedResult), tagged.tag)
        case .refuse(let reason): self.bad(tagged.tag, reason.text)
        }
        self.forgive(since: before)
    }

    private func run(_ command: Command, _ tag: Tag) async throws(ConnectionError) {
        switch command {
        case .capability:
            let names = self.capabilities
            self.write { $0.capability(names) }
            try await self.finish(tag, "Capability completed")
        case .noop: try await self.finish(tag, "NOOP completed")
        case .check: try await self.finish(tag, "Check completed")
        case .logout:
            self.machine.loggedOut()
            self.write {
                $0.bye(nil, "Logging out")
                $0.tagged(tag, .ok, "Logout completed")
            }
        case .id(let parameters): try await self.id(tag, parameters)
        case .language(let ranges): try await self.language(tag, ranges)
        case .startTLS: try await self.startTLS(tag)
        case .login(let user, let password): try await self.login(tag, user, password)
        case .authenticate(let command): try await self.authenticate(tag, command)
        case .enable(let names): try await self.enable(tag, names)
        case .select(let mailbox, let parameters):
            try await self.select(tag, mailbox, parameters, .readWrite)
        case .examine(let mailbox, let parameters):
            try await self.select(tag, mailbox, parameters, .readOnly)
        case .create(let mailbox, let uses): try await self.create(tag, mailbox, uses)
        case .delete(let mailbox): try await self.delete(tag, mailbox)
        case .rename(let mailbox, let target): try await self.rename(tag, mailbox, target)
        case .subscribe(let mailbox): try await self.subscribe(tag, mailbox)
        case .unsubscribe(let mailbox): try await self.unsubscribe(tag, mailbox)
        case .list(let command): try await self.list(tag, command)
        case .lsub(let reference, let pattern): try await self.lsub(tag, reference, pattern)
        case .xlist(let reference, let pattern): try await self.xlist(tag, reference, pattern)
        case .namespace: try await self.namespace(tag)
        case .status(let mailbox, let items): try await self.status(tag, mailbox, items)
        case .access(let command): try await self.access(tag, command)
        case .idle: self.idleTag = tag
        case .compress: try await self.compress(tag)
        case .unauthenticate: self.unauthenticate(tag)
        case .getMetadata(let command): try await self.getMetadata(tag, command)
        case .notify(let command): try await self.notify(tag, command)
        case .setMetadata(let command): try await self.setMetadata(tag, command)
        case .getQuota(let root): try await self.getQuota(tag, root)
        case .getQuotaRoot(let mailbox): try await self.getQuotaRoot(tag, mailbox)
        case .setQuota(let root, let settings): try await self.setQuota(tag, root, settings)
        case .signURLs(let urls): try await self.signURLs(tag, urls)
        case .resetKey(let mailbox, let mechanisms): try await self.resetKey(tag, mailbox, mechanisms)
        case .fetchURLs(let urls): try await self.fetchURLs(tag, urls)
        case .close: try await self.close(tag)
        case .unselect: try await self.unselect(tag)
        case .expunge: try await self.expunge(tag, nil)
        case .uidExpunge(let set): try await self.expunge(tag, set)
        case .search(let command): try await self.search(tag, command)
        case .sort(let command): try await self.sort(tag, command)
        case .multiSearch(let command): try await self.multiSearch(tag, command)
        case .cancelUpdate(let tags): try await self.cancelUpdates(tag, tags)
        case .uidBatches(let command): try await self.uidBatches(tag, command)
        case .thread(let command): try await self.thread(tag, command)
        case .filter(let command): try await self.filter(tag, command)
        case .fetch(let command): try await self.fetch(tag, command)
        case .store(let command): try await self.store(tag, command)
        case .copy(let command): try await self.copy(tag, command)
        case .move(let command): try await self.move(tag, command)
        }
    }

    /// Tells the client what changed meanwhile, then `tag OK`.
    func finish(
        _ tag: Tag, _ code: ResponseCode? = nil, _ text: StaticString, _ expunges: ExpungeTelling = .allowed
    ) async throws(ConnectionError) {
        self.endProgress()
        try await self.tellChanges(expunges)
        self.write { $0.tagged(tag, .ok, code, text) }
    }

    func finish(_ tag: Tag, _ text: StaticString) async throws(ConnectionError) {
        try await self.finish(tag, nil, text, .allowed)
    }

    /// Tells the client what changed meanwhile, then `tag NO`.
    func refuse(
        _ tag: Tag, _ code: ResponseCode?, _ text: StaticString, _ expunges: ExpungeTelling = .allowed
    ) async throws(ConnectionError) {
        self.endProgress()
        try await self.tellChanges(expunges)
        self.write { $0.tagged(tag, .no, code, text) }
    }

    func refuse(
        _ tag: Tag, _ error: StoreError, _ expunges: ExpungeTelling = .allowed
    ) async throws(ConnectionError) {
        self.logFault(error)
        let (code, text) = error.response
        try await self.refuse(tag, code, text, expunges)
    }

    /// The account's name of a mailbox; writes the refusal when there can be none.
    func mailboxName(
        _ tag: Tag, _ wire: WireMailboxName, _ code: ResponseCode
    ) async throws(ConnectionError) -> MailboxName? {
        do throws(StoreError) {
            if let name = try await self.mailbox(wire) { return name }
        } catch {
            try await self.refuse(tag, error)
            return nil
        }
        try await self.refuse(tag, code, "No mailbox can have that name")
        return nil
    }
}
