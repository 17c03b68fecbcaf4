import MailCore

extension SieveRun {
    /// What test commands work on.
    func testSession() throws(SieveRuntimeError) -> TestSession {
        guard let session = self.host as? TestSession else { throw self.error("this is not a run of tests") }
        return session
    }
}

extension TestSession {
    /// Takes the actions that the test script itself has decided into the result.
    func absorb(_ run: inout SieveRun) throws(SieveRuntimeError) {
        let hasOwn = !run.result.actions.isEmpty || !run.flags.isEmpty || !run.message.isOriginal
        guard hasOwn else { return }
        var own = run.result
        own.flags = run.flags
        own.keepMessage = own.version(of: run.message)
        own.finalMessage = run.message
        run.result = SieveResult()
        if let text = self.result.add(own) { throw run.error(text) }
    }

    func reset(_ run: inout SieveRun) {
        self.result = TestResult()
        self.outbox = []
        run.result = SieveResult()
        self.refresh(&run)
        run.flags = self.messageFlags
    }

    func printResult(_ run: inout SieveRun) {
        for name in self.result.names + run.result.actions.map(\.kind.name) { self.print("action: \(name)") }
    }

    /// Ends the block as failed, or the file where there is no block; in a tested script ends that script.
    func fail(_ reason: String, _ run: inout SieveRun) throws(SieveRuntimeError) {
        if self.depth > 0 {
            self.subtestFailure = reason
            throw run.error(reason)
        }
        guard let block = self.block, run.skip(behind: { $0 is EndBlock }) else {
            self.fileFailure = reason
            throw run.error(reason)
        }
        self.finished.append(
            SieveTestBlock(name: block, failure: reason, position: run.position, errors: self.errors))
        self.block = nil
    }

    func failFile(_ reason: String, _ run: SieveRun) -> SieveRuntimeError {
        if self.fileFailure == nil { self.fileFailure = reason }
        return run.error(reason)
    }
}

struct BeginBlock: SieveOperation {
    let name: SieveText

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) {
        try run.testSession().block = String(decoding: try self.name.octets(&run), as: UTF8.self)
    }
}

struct EndBlock: SieveOperation {
    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) {
        let session = try run.testSession()
        if let block = session.block { session.finished.append(SieveTestBlock(name: block, failure: nil)) }
        session.block = nil
    }
}

struct FailOperation: SieveOperation {
    let reason: SieveText

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) {
        let session = try run.testSession()
        try session.fail(String(decoding: try self.reason.octets(&run), as: UTF8.self), &run)
    }
}

/// A command without arguments.
struct SessionOperation: SieveOperation {
    let body: @Sendable (TestSession, inout SieveRun) -> Void

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) { self.body(try run.testSession(), &run) }
}

struct SetObjectOperation: SieveOperation {
    enum Object: String, Sendable {
        case message
        case from = "envelope.from"
        case to = "envelope.to"
        case originalTo = "envelope.orig_to"
        case authenticated = "envelope.auth"
    }

    let object: Object
    let value: SieveText

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) {
        let session = try run.testSession()
        let value = try self.value.octets(&run)
        switch self.object {
        case .message:
            session.setMessage(value)
            run.flags = []
        case .from: session.sender = try Self.path(value, session)
        case .to:
            session.recipient = try Self.path(value, session)
            session.originalRecipient = session.recipient
        case .originalTo: session.originalRecipient = try Self.path(value, session)
        case .authenticated: session.authenticatedUser = String(decoding: value, as: UTF8.self)
        }
        session.changed()
        if self.object == .message {
            session.refresh(&run)
        } else {
            run.environment = session.environment
        }
    }

    /// A path with or without brackets; what cannot be read is logged and leaves nothing.
    private static func path(_ text: [UInt8], _ session: TestSession) throws(SieveRuntimeError) -> SieveAddress? {
        var text = text[...]
        while text.first == 0x20 { text = text.dropFirst() }
        while text.last == 0x20 { text = text.dropLast() }
        if text.first == UInt8(ascii: "<"), text.last == UInt8(ascii: ">") { text = text.dropFirst().dropLast() }
        guard !text.isEmpty else { return nil }
        // A route before the address counts for nothing (RFC 5321 section 4.1.1.3).
        if text.first == UInt8(ascii: "@"), let colon = text.firstIndex(of: UInt8(ascii: ":")) {
            text = text[(colon + 1)...]
        }
        if !text.contains(UInt8(ascii: "@")), text.allSatisfy({ ASCII.isAtomCharacter($0) || $0 == UInt8(ascii: ".") })
        {
            return SieveAddress(localPart: Array(text), domain: nil)
        }
        guard let address = OutboundAddress.parse(Array(text)) else {
            session.print("warning: \(quoted(text)) is no address")
            return nil
        }
        return SieveAddress(quoted: address)
    }
}

struct SettingOperation: SieveOperation {
    let name: SieveText
    let value: SieveText?

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) {
        let session = try run.testSession()
        let name = String(decoding: try self.name.octets(&run), as: UTF8.self)
        let value = try self.value?.octets(&run)
        session.settings.set(name, value.map { String(decoding: $0, as: UTF8.self) })
    }
}

struct ReloadOperation: SieveOperation {
    /// An extension; `nil`: the whole engine.
    let name: SieveText?

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) {
        let session = try run.testSession()
        if let name = try self.name?.octets(&run) {
            let text = String(decoding: name, as: UTF8.self)
            guard TestSettings.extensions.contains(text) else {
                throw session.failFile("there is no extension \(quoted(name))", run)
            }
        }
        if let unknown = session.settings.reload() {
            throw session.failFile("there is no setting \(quoted(unknown))", run)
        }
        run.environment = session.environment
        run.limits = session.settings.limits
    }
}

struct MailboxOperation: SieveOperation {
    let name: SieveText
    let creates: Bool

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) {
        let session = try run.testSession()
        let octets = try self.name.octets(&run)
        guard let name = MailboxText.parse(octets) else {
            throw run.error("\(quoted(octets)) is no name of a mailbox")
        }
        guard self.creates else { return try session.fail("test_mailbox_delete is not there", &run) }
        session.mailboxes[TestSession.mailboxName(name), default: []] += []
    }
}

struct BinaryOperation: SieveOperation {
    let name: SieveText
    let loads: Bool

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) {
        let session = try run.testSession()
        let name = String(decoding: try self.name.octets(&run), as: UTF8.self)
        if !self.loads {
            if let script = session.script { session.saved[name] = script }
        } else if let script = session.saved[name] {
            session.script = script
        } else {
            throw session.failFile("there is no compiled script \(quoted(name))", run)
        }
    }
}

struct MetadataOperation: SieveOperation {
    let mailbox: SieveText?
    let entry: SieveText
    let value: SieveText

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) {
        let session = try run.testSession()
        let name = try self.entry.octets(&run)
        guard MetadataTest.isEntry(name) else { throw session.failFile("\(quoted(name)) is no name of an entry", run) }
        let entry = String(decoding: name, as: UTF8.self)
        let mailbox = try self.mailbox?.octets(&run)
        let place = mailbox.map { String(decoding: $0, as: UTF8.self) }
        session.metadata[TestSession.metadataKey(entry, place)] = try self.value.octets(&run)
    }
}

/// `test_message`, as command and as test.
struct MessageChoice: SieveOperation, SieveTest {
    /// `nil`: the outbox.
    let folder: SieveText?
    let index: Int

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) {
        if try !self.evaluate(&run) {
            try run.testSession().fail("there is no message number \(self.index) there", &run)
        }
    }

    func evaluate(_ run: inout SieveRun) throws(SieveRuntimeError) -> Bool {
        let session = try run.testSession()
        if let folder = self.folder {
            let name = TestSession.mailboxName(String(decoding: try folder.octets(&run), as: UTF8.self))
            guard let mails = session.mailboxes[name], self.index < mails.count else { return false }
            session.setMessage(mails[self.index].octets, flags: mails[self.index].flags)
        } else {
            guard self.index < session.outbox.count else { return false }
            let mail = session.outbox[self.index]
            session.setMessage(mail.octets)
            session.sender = mail.sender.flatMap { SieveAddress(envelope: $0) }
            session.recipient = mail.recipients.first.flatMap { SieveAddress(envelope: $0) }
            session.originalRecipient = session.recipient
            session.changed()
        }
        session.refresh(&run)
        return true
    }
}
