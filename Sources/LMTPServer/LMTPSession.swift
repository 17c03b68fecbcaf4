import Authentication
import LMTPCore
import Logging
import MailStore
import ServerCore

/// One LMTP connection, from greeting to end.
actor LMTPSession {
    nonisolated let connection: Connection
    nonisolated var unownedExecutor: UnownedSerialExecutor { self.connection.executor.asUnownedSerialExecutor() }

    let options: LMTPOptions
    var transaction: LMTPTransaction<AcceptedRecipient>
    var clientName = ""
    /// The message of a transaction whose BDAT chunks are coming in.
    var chunks: ChunkedMessage?
    /// Whose mail the next transaction brings, on the socket for programs of this machine.
    var local: LocalDelivery?
    /// SIZE of MAIL; 0 when it did not say.
    var announcedSize: UInt64 = 0
    private var badCommands = 0
    private var delivered = 0
    private var isDone = false

    /// Wrong commands in all after which the session ends.
    private static let maximumBadCommands = 20

    init(_ connection: Connection, _ options: LMTPOptions) {
        self.connection = connection
        self.options = options
        self.transaction = LMTPTransaction(maximumRecipients: options.maximumRecipients)
    }

    func run() async {
        self.connection.inactivityTimeout = self.options.inactivityTimeout
        self.connection.setDeadline(after: nil)
        let peer = await self.unprivilegedPeer()
        if let peer, let policy = self.options.local, !policy.peers.enter(peer) {
            return self.reply(LMTPReply(421, "4.7.0", "Too many sessions of user id \(peer)"))
        }
        defer { if let peer { self.options.local?.peers.leave(peer) } }
        self.options.logger.info("\(self.options.label): Connect from \(self.connection.remoteAddress)")
        self.reply(LMTPReply(220, "", "\(self.options.hostname) Martlet LMTP ready"))
        var ending = "Client has quit the connection"
        do throws(ConnectionError) {
            while !self.isDone {
                try await self.step()
                await self.connection.shareLoop()
            }
        } catch {
            ending = error.reason
            switch error.code {
            case .shutdown: self.reply(LMTPReply(421, "4.3.2", "Shutting down"))
            case .timedOut: self.reply(LMTPReply(421, "4.4.2", "Disconnected for inactivity"))
            case .closed, .slowReader, .tls: break
            }
        }
        self.options.logger.info(
            """
            \(self.options.label): Disconnect from \(self.connection.remoteAddress): \(ending) \
            (deliveries=\(self.delivered), in=\(self.connection.bytesIn), out=\(self.connection.bytesOut))
            """)
    }

    /// Reads one command and runs it. Answers of pipelined commands go out together (RFC 2920 section 3.2).
    private func step() async throws(ConnectionError) {
        let found = self.connection.withInput { LMTPLine.find(in: $0) }
        switch found {
        case .needMore:
            try await self.connection.flush()
            try await self.connection.readMore()
        case .tooLong:
            self.reply(LMTPReply(500, "5.5.2", "Line too long"))
            self.isDone = true
        case .line(let length, let consumed):
            let parsed = self.connection.withInput { input -> Result<LMTPCommand, LMTPCommandError> in
                do throws(LMTPCommandError) {
                    return .success(try LMTPCommand(line: input.extracting(0..<length)))
                } catch {
                    return .failure(error)
                }
            }
            self.connection.consume(consumed)
            switch parsed {
            case .success(let command):
                try await self.run(command)
            case .failure(let error):
                if case .badChunk(let size) = error { try await self.skipChunk(size: size) }
                self.bad(error.reply)
            }
            // An MTA that sends faster than recipients are looked up must not make answers pile up.
            try await self.connection.flushIfLarge()
        }
    }

    private func run(_ command: LMTPCommand) async throws(ConnectionError) {
        switch command {
        case .lhlo(let name):
            self.clientName = name
            self.forgetMessage()
            self.transaction.receivedLHLO()
            var reply = LMTPReply(250, "", self.options.hostname)
            reply.more = self.extensions
            self.reply(reply)
        case .hello:
            self.bad(LMTPReply(500, "5.5.1", "This is LMTP: say LHLO"))
        case .mail(let sender, let parameters):
            self.receivedMail(sender, parameters)
        case .rcpt(let address, let original):
            await self.receivedRecipient(address, original: original)
        case .data:
            if let refusal = self.transaction.receivedData() {
                self.bad(refusal)
            } else {
                try await self.receiveData()
            }
        case .bdat(let size, let last):
            try await self.receiveChunk(size: size, last: last)
        case .rset:
            self.forgetMessage()
            self.transaction.reset()
            self.reply(LMTPReply(250, "2.0.0", "OK"))
        case .noop:
            self.reply(LMTPReply(250, "2.0.0", "OK"))
        case .vrfy:
            self.reply(LMTPReply(252, "2.3.3", "Try RCPT to see whether a user exists"))
        case .help:
            self.reply(LMTPReply(214, "2.0.0", "LHLO MAIL RCPT DATA BDAT RSET NOOP VRFY QUIT: RFC 2033"))
        case .startTLS:
            self.bad(LMTPReply(502, "5.5.1", "STARTTLS is not offered"))
        case .deliver(let delivery):
            guard self.options.local != nil else { return self.bad(LMTPCommandError.unknownCommand.reply) }
            self.local = delivery
            self.reply(LMTPReply(250, "2.0.0", "OK"))
        case .quit:
            self.reply(LMTPReply(221, "2.0.0", "Bye"))
            self.isDone = true
        }
    }

    private var extensions: [String] {
        var lines = ["PIPELINING", "ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8", "CHUNKING"]
        lines.append(
            self.options.maximumMessageSize > 0 ? "SIZE \(self.options.maximumMessageSize)" : "SIZE")
        return lines
    }

    private func receivedMail(_ sender: ReversePath, _ parameters: MailParameters) {
        let limit = self.options.maximumMessageSize
        if limit > 0, let size = parameters.size, size > limit {
            self.reply(LMTPReply(552, "5.3.4", "Message size exceeds the limit of \(limit) octets"))
        } else if let refusal = self.transaction.receivedMail(sender, parameters) {
            self.bad(refusal)
        } else {
            self.announcedSize = parameters.size ?? 0
            self.reply(LMTPReply(250, "2.1.0", "OK"))
        }
    }

    func reply(_ reply: LMTPReply) { reply.encode(into: &self.connection.output) }

    func noteDelivered() { self.delivered += 1 }

    /// Answers a command that was wrong; too many of them end the session.
    func bad(_ reply: LMTPReply) {
        self.reply(reply)
        self.badCommands += 1
        if self.badCommands >= Self.maximumBadCommands {
            self.reply(LMTPReply(421, "4.7.0", "Too many errors"))
            self.isDone = true
        }
    }

    func forgetMessage() { self.chunks = nil }
}
