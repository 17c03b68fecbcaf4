import Delivery
import IMAPCore
import MIMECore
import MailCore
import MailStore
import NIOCore
import ServerCore

extension Session {
    /// Messages of one APPEND.
    private static let maximumMessages = 4096
    /// Of these, the ones that are in files: each is a map of the process, and it has some thousand.
    private static let maximumFiles = 1024
    /// Octets of one APPEND after which no further message may begin.
    private static let maximumOctetsBefore: UInt64 = 128 << 20
    /// Octets of messages of one APPEND that are held in memory before further ones go to files.
    private static let heldMessages = 1 << 20
    /// A message smaller than this is held in memory all the same.
    private static let smallMessage = 4096

    /// Why an APPEND is refused.
    typealias Refusal = (code: ResponseCode?, text: StaticString)

    private static var emptiness: Refusal { (nil, "Nothing to append") }

    /// APPEND of one message or several, all or none (RFC 9051 section 6.3.12, RFC 3502), with CATENATE (RFC 4469), and
    /// REPLACE (RFC 8508).
    ///
    /// Each message goes from the network into a spool. A refusal before a synchronizing literal spares the
    /// client the sending; the octets of any other are read off.
    func append(_ command: AppendCommand) async throws(ConnectionError) {
        let tag = command.tag
        var refusal: Refusal?
        var target: AppendTarget?
        switch self.machine.receivedAppend(command) {
        case .refuse(let reason): refusal = (nil, reason.text)
        case .run where self.usesUIDsOnly && command.replaced?.numbering == .sequenceNumber:
            refusal = (.uidRequired, "Expected UID REPLACE after ENABLE UIDONLY")
        case .run:
            switch await self.appendTarget(command) {
            case .success(let found): target = found
            case .failure(let reason): refusal = (reason.code, reason.text)
            }
        }
        var deposits: [Deposit] = []
        var assembly: MessageAssembly?
        var octetsBefore: UInt64 = 0
        var held = 0
        var files = 0
        var hasNUL = false
        var step = CommandParser.Step.appendNext(command.message)
        messages: while true {
            // What a step says of the message under way: URLs, then a literal if any.
            var part = AppendPart()
            switch step {
            case .appendNext(let message):
                if refusal == nil { refusal = self.refusal(of: message) }
                // The messages of one APPEND wait for each other, small ones in memory.
                if refusal == nil,
                    deposits.count == Self.maximumMessages || files == Self.maximumFiles
                        || octetsBefore > Self.maximumOctetsBefore
                {
                    refusal = (.limit, "Too many messages in one APPEND")
                }
                // All or none (RFC 9738 section 3.1).
                if refusal == nil, let limit = self.saveLimit, deposits.count >= Int(limit) {
                    refusal = (.messageLimit(limit, nil), "Too many messages in one APPEND")
                }
                assembly = MessageAssembly(message, self.options.store.makeSpool())
                if held >= Self.heldMessages { assembly?.lowerMemory(to: Self.smallMessage) }
                part =
                    message.catenated
                    ?? AppendPart(
                        text: AppendPart.Text(size: message.size, isSynchronizing: message.isSynchronizing))
            case .appendPart(let next): part = next
            case .failed(let error): return self.answer(error)
            case .appendEnd, .needMore, .command, .sendContinuation, .append: break messages
            }
            if refusal == nil, let assembly { refusal = await self.catenate(part.urls, to: assembly) }
            var isComplete = part.text == nil
            if let text = part.text {
                let limit = self.settings.maximumMessageSize
                let size = text.size.addingReportingOverflow(assembly?.count ?? 0)
                if refusal == nil, limit > 0, size.overflow || size.partialValue > limit {
                    refusal = (.tooBig, "Message is too large")
                }
                octetsBefore = octetsBefore.addingReportingOverflow(text.size).partialValue
                if refusal != nil, text.isSynchronizing {
                    self.parser.abandonAppend()
                    break messages
                }
                if text.isSynchronizing { self.write { $0.continuation("OK".utf8) } }
                if refusal == nil, let assembly {
                    do throws(StoreError) {
                        try await self.takeMessage(assembly, &hasNUL)
                    } catch {
                        self.logFault(error)
                        refusal = error.response
                    }
                }
                guard try await self.discardMessage() else { return }
                isComplete = !(assembly?.isCatenated ?? false)
            }
            // RFC 3502 section 6.3.11: an empty literal cancels, and so does a message of nothing but empty parts.
            if isComplete, refusal == nil, assembly?.count == 0 { refusal = Self.emptiness }
            if isComplete, refusal == nil, let target, let complete = assembly {
                assembly = nil
                if complete.isInFile { files += 1 }
                do throws(StoreError) {
                    deposits.append(try await self.finish(complete, target, held: &held))
                } catch {
                    self.logFault(error)
                    refusal = error.response
                }
            }
            step = try await self.nextAppendStep()
        }
        if refusal == nil, hasNUL {
            // RFC 9051 section 4.3.1: that is binary data, for a literal8.
            return self.bad(tag, "Expected no NUL in a message, or the message as a literal8 (~{n})")
        }
        if let refusal {
            if refusal.code == .uidRequired { return self.bad(tag, .uidRequired, refusal.text) }
            guard self.machine.isAuthenticated, refusal.code != nil || target != nil else {
                return self.bad(tag, refusal.text)
            }
            return try await self.refuse(tag, refusal.code, refusal.text)
        }
        guard let target else { return }
        self.tellName(target.name, of: command.mailbox)
        if target.replaced == nil {
            try await self.store(deposits, target.name, tag)
        } else {
            try await self.replace(target, deposits, tag)
        }
    }

    private func refusal(of message: AppendMessage) -> Refusal? {
        if message.isUTF8, !self.knowsRev2, !self.acceptsUTF8 {
            return (.cannot, "UTF8 is for clients that have enabled UTF8=ACCEPT")
        }
        guard message.catenated == nil else { return nil }
        if self.settings.maximumMessageSize > 0, message.size > self.settings.maximumMessageSize {
            return (.tooBig, "Message is too large")
        }
        return message.size == 0 ? Self.emptiness : nil
    }

    private func store(_ deposits: [Deposit], _ target: MailboxName, _ tag: Tag) async throws(ConnectionError) {
        let heard = await self.eventName(target)
        let note = self.eventNote(.append, heard)
        let stored: [StoredMessage]
        do throws(StoreError) {
            let store = self.options.store
            stored = try await EventNote.noting(note) { () async throws(StoreError) in
                try await store.depositAll(deposits)
            }
        } catch {
            return try await self.refuseTarget(tag, target, error)
        }
        var code: ResponseCode?
        if let first = stored.first {
            if await self.maySelect(target) { code = .appendUID(first.uidValidity, UIDSet(stored.map(\.uid))) }
            await self.noteOwn(UIDSet(stored.map(\.uid)), in: target)
            self.postAppend(note, UIDSet(stored.map(\.uid)), in: heard)
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

    /// Streams a literal into a message's spool.
    private func takeMessage(_ assembly: MessageAssembly, _ hasNUL: inout Bool) async throws(StoreError) {
        let message = assembly.message
        let mayBeWrapped = self.acceptsUTF8 && !message.isUTF8 && !message.isBinary && !assembly.isCatenated
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
            octets.withUnsafeReadableBytes { bytes in
                if !assembly.message.isBinary, !hasNUL { hasNUL = bytes.contains(0) }
                wrapped.take(bytes) { assembly.take($0) }
            }
            try await assembly.drain()
        }
    }

    /// A message that has all its octets, ready to be stored.
    private func finish(
        _ assembly: MessageAssembly, _ target: AppendTarget, held: inout Int
    ) async throws(StoreError) -> Deposit {
        let message = assembly.message
        held += assembly.held
        let memoryLimit = assembly.memoryLimit
        var incoming = try await assembly.finish()
        if message.isBinary { incoming = try await self.asText(incoming, memoryLimit: memoryLimit) }
        return Deposit(
            message: incoming, account: target.account, mailbox: target.name,
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
