import IMAPCore
import MailCore
import MailStore
import NIOCore
import ServerCore

extension Session {
    /// Messages of one APPEND.
    private static let maximumMessages = 4096
    /// Octets of one APPEND after which no further message may begin.
    private static let maximumOctetsBefore: UInt64 = 128 << 20
    /// Octets of messages of one APPEND that are held in memory before further ones go to files.
    private static let heldMessages = 1 << 20
    /// A message smaller than this is held in memory all the same.
    private static let smallMessage = 4096

    /// APPEND of one message or several, all or none (RFC 9051 section 6.3.12, RFC 3502).
    ///
    /// Each message goes from the network into a spool. A refusal before a synchronizing literal spares the
    /// client the sending; the octets of any other are read off.
    func append(_ command: AppendCommand) async throws(ConnectionError) {
        let tag = command.tag
        var refusal: (code: ResponseCode?, text: StaticString)?
        var account: (any MailAccount)?
        var target: MailboxName?
        switch self.machine.receivedAppend() {
        case .refuse(let reason): refusal = (nil, reason.text)
        case .run:
            account = self.account
            do throws(StoreError) {
                target = try await self.mailbox(command.mailbox)
                if let account, let target {
                    _ = try await account.destination(of: target, .fail)
                    if !account.enforcesAccessLists { _ = try await account.status(of: target) }
                    try await account.checkQuota(octets: command.message.size, in: target, .exact)
                } else {
                    refusal = (.cannot, "No mailbox can have that name")
                }
            } catch {
                self.logFault(error)
                refusal = error.code == .notFound ? (.tryCreate, "Mailbox does not exist") : error.response
            }
        }
        var deposits: [Deposit] = []
        var message = command.message
        var octetsBefore: UInt64 = 0
        var held = 0
        var hasNUL = false
        messages: while true {
            if refusal == nil { refusal = self.refusal(of: message) }
            // The messages of one APPEND wait for each other, small ones in memory.
            if refusal == nil,
                deposits.count == Self.maximumMessages || octetsBefore > Self.maximumOctetsBefore
            {
                refusal = (.limit, "Too many messages in one APPEND")
            }
            octetsBefore = octetsBefore.addingReportingOverflow(message.size).partialValue
            if refusal != nil, message.isSynchronizing {
                self.parser.abandonAppend()
                break messages
            }
            if message.isSynchronizing { self.write { $0.continuation("OK".utf8) } }
            if refusal == nil, let account, let target {
                do throws(StoreError) {
                    deposits.append(try await self.deposit(message, account, target, held: &held, &hasNUL))
                } catch {
                    self.logFault(error)
                    refusal = error.response
                }
            }
            guard try await self.discardMessage() else { return }
            switch try await self.nextAppendStep() {
            case .appendNext(let next): message = next
            case .failed(let error): return self.answer(error)
            case .appendEnd, .needMore, .command, .sendContinuation, .append: break messages
            }
        }
        if refusal == nil, hasNUL {
            // RFC 9051 section 4.3.1: that is binary data, for a literal8.
            return self.bad(tag, "Expected no NUL in a message, or the message as a literal8 (~{n})")
        }
        if let refusal {
            guard self.machine.isAuthenticated else { return self.bad(tag, refusal.text) }
            return try await self.refuse(tag, refusal.code, refusal.text)
        }
        if let target { self.tellName(target, of: command.mailbox) }
        try await self.store(deposits, target, tag)
    }

    private func refusal(of message: AppendMessage) -> (code: ResponseCode?, text: StaticString)? {
        if self.settings.maximumMessageSize > 0, message.size > self.settings.maximumMessageSize {
            return (.tooBig, "Message is too large")
        }
        if message.isUTF8, !self.knowsRev2, !self.acceptsUTF8 {
            return (.cannot, "UTF8 is for clients that have enabled UTF8=ACCEPT")
        }
        // RFC 3502 section 6.3.11: an empty literal cancels.
        return message.size == 0 ? (nil, "Nothing to append") : nil
    }

    private func store(_ deposits: [Deposit], _ target: MailboxName?, _ tag: Tag) async throws(ConnectionError) {
        let stored: [StoredMessage]
        do throws(StoreError) {
            stored = try await self.options.store.depositAll(deposits)
        } catch {
            return try await self.refuseTarget(tag, error)
        }
        var code: ResponseCode?
        if let first = stored.first {
            code = .appendUID(first.uidValidity, UIDSet(stored.map(\.uid)))
            if let target { await self.noteOwn(UIDSet(stored.map(\.uid)), in: target) }
        }
        try await self.finish(tag, code, "Append completed")
    }

    /// The next thing the parser finds after a message.
    private func nextAppendStep() async throws(ConnectionError) -> CommandParser.Step {
        while true {
            let step = self.nextStep()
            guard step == .needMore else { return step }
            try await self.connection.flush()
            // Clients that send the CRLF after a literal by itself, such as Python's imaplib, hold it back until
            // the literal is acknowledged.
            self.connection.acknowledgeInput()
            try await self.connection.readMore()
        }
    }

    /// Takes the octets of the message that are there, at least one.
    private func takeMessageOctets() async throws(ConnectionError) -> ByteBuffer {
        while self.connection.unread == 0 {
            try await self.connection.flush()
            try await self.connection.readMore()
        }
        let count = Int(min(self.parser.messageRemaining, UInt64(self.connection.unread)))
        let octets = self.connection.take(count)
        self.parser.tookMessageOctets(count)
        return octets
    }

    /// Streams a message into the store's spool.
    private func deposit(
        _ message: AppendMessage, _ account: any MailAccount, _ target: MailboxName, held: inout Int,
        _ hasNUL: inout Bool
    ) async throws(StoreError) -> Deposit {
        var spool = self.options.store.makeSpool()
        if held >= Self.heldMessages { spool.memoryLimit = min(spool.memoryLimit, Self.smallMessage) }
        let memoryLimit = spool.memoryLimit
        spool.convertsLineEnds = !message.isBinary
        let mayBeWrapped = self.acceptsUTF8 && !message.isUTF8 && !message.isBinary
        var wrapped = WrappedMessage(size: mayBeWrapped ? message.size : 0)
        while self.parser.messageRemaining > 0 {
            let octets: ByteBuffer
            do throws(ConnectionError) {
                octets = try await self.takeMessageOctets()
            } catch {
                // Thrown on by `discardMessage`, which comes next.
                self.readFailure = error
                throw StoreError(.expunged, error.reason)
            }
            octets.withUnsafeReadableBytes {
                if !message.isBinary, !hasNUL { hasNUL = $0.contains(0) }
                wrapped.take($0) { spool.take($0) }
            }
            try await spool.drain()
        }
        held += spool.held
        var incoming = try await spool.finish()
        if message.isBinary { incoming = try await self.asText(incoming, memoryLimit: memoryLimit) }
        return Deposit(
            message: incoming, account: account, mailbox: target,
            flags: message.flags.system, keywords: message.flags.keywords,
            internalDate: message.date?.secondsSince1970)
    }

    /// Reads off what is left of a message. `false` when there is too much of it and the session ends.
    private func discardMessage() async throws(ConnectionError) -> Bool {
        if let failure = self.readFailure { throw failure }
        guard self.parser.messageRemaining <= self.parser.limits.discardedLiteralSize else {
            self.end(.tooBig, "Message is too large")
            return false
        }
        while self.parser.messageRemaining > 0 { _ = try await self.takeMessageOctets() }
        return true
    }
}
