import Delivery
import LMTPCore
import Logging
import MailStore
import NIOCore
import ServerCore

/// A message whose octets are coming in.
struct IncomingData: ~Copyable {
    var spool: MessageSpool
    /// Octets of the fields that were put before it.
    let prefixCount: Int
    /// Why it will not be stored; what still comes in is read off.
    var refusal: LMTPReply?

    /// Octets that came from the client.
    var count: Int { self.spool.count - self.prefixCount }
}

/// A message that comes in several chunks, kept between commands.
final class ChunkedMessage {
    private var data: IncomingData?

    init(_ data: consuming IncomingData) { self.data = consume data }

    func take() -> IncomingData? { self.data.take() }
}

extension LMTPSession {
    /// DATA: everything to CRLF.CRLF, then one answer for each recipient.
    func receiveData() async throws(ConnectionError) {
        self.reply(LMTPReply(354, "", "OK, end with <CR><LF>.<CR><LF>"))
        try await self.connection.flush()
        var data = self.beginMessage()
        var decoder = DotDecoder()
        while true {
            var decoded: [UInt8] = []
            decoded.reserveCapacity(self.connection.unread)
            let consumed = self.connection.withInput { decoder.decode($0, into: &decoded) }
            self.connection.consume(consumed)
            data = await self.take(decoded, into: data)
            if decoder.isEnded { break }
            try await self.connection.readMore()
        }
        await self.finish(data)
    }

    /// BDAT: exactly `size` octets follow, whatever the answer will be (RFC 3030 section 2).
    func receiveChunk(size: UInt64, last: Bool) async throws(ConnectionError) {
        let isBehindFailure = self.transaction.hasFailedChunk
        let refusal = self.transaction.receivedChunk()
        var data = self.chunks?.take() ?? self.beginMessage()
        self.chunks = nil
        if let refusal { data.refusal = refusal }
        var rest = size
        while rest > 0 {
            if self.connection.unread == 0 {
                // Answers to what was pipelined before the chunk do not wait for its end.
                try await self.connection.flush()
                try await self.connection.readMore()
            }
            let piece = self.connection.take(Int(min(rest, UInt64(self.connection.unread))))
            rest -= UInt64(piece.readableBytes)
            data = await self.take([UInt8](piece.readableBytesView), into: data)
        }
        if let refusal {
            // No transaction is there to go on with.
            if isBehindFailure { self.reply(refusal) } else { self.bad(refusal) }
            if last { self.transaction.reset() }
        } else if last {
            await self.finish(data)
        } else if let refusal = data.refusal {
            self.reply(refusal)
            self.transaction.failedChunk()
        } else {
            self.reply(LMTPReply(250, "2.0.0", "\(size) octets"))
            self.chunks = ChunkedMessage(data)
        }
    }

    /// BDAT that was said wrongly: reads its octets off, which are no commands.
    func skipChunk(size: UInt64) async throws(ConnectionError) {
        self.chunks = nil
        self.transaction.failedChunk()
        var rest = size
        while rest > 0 {
            if self.connection.unread == 0 {
                try await self.connection.flush()
                try await self.connection.readMore()
            }
            let count = Int(min(rest, UInt64(self.connection.unread)))
            self.connection.consume(count)
            rest -= UInt64(count)
        }
    }

    private func beginMessage() -> IncomingData {
        var spool = self.options.store.makeSpool()
        self.traceFields().withUnsafeBytes { spool.take($0) }
        let count = spool.count
        return IncomingData(spool: spool, prefixCount: count)
    }

    private func take(_ bytes: [UInt8], into data: consuming IncomingData) async -> IncomingData {
        if data.refusal != nil { return data }
        let limit = self.options.maximumMessageSize
        if limit > 0, UInt64(data.count + bytes.count) > limit {
            data.refusal = LMTPReply(552, "5.3.4", "Message size exceeds the limit of \(limit) octets")
            return data
        }
        do throws(StoreError) {
            try await data.spool.append(bytes)
        } catch {
            self.options.logger.error("\(self.options.label): Taking in a message: \(error)")
            data.refusal = LMTPReply(for: error)
        }
        return data
    }

    /// The message is complete: delivers it and answers once for each RCPT, in their order (RFC 2033 section 4.2).
    private func finish(_ data: consuming IncomingData) async {
        let recipients = self.transaction.recipients
        let sender = self.transaction.sender
        self.transaction.reset()
        guard let sender, !recipients.isEmpty else {
            self.bad(LMTPReply(503, "5.5.1", "No valid recipients"))
            return
        }
        if let refusal = data.refusal {
            for _ in recipients { self.reply(refusal) }
            return
        }
        do throws(StoreError) {
            let ownOctets = data.prefixCount
            let message = try await data.spool.finish()
            await self.deliver(message, ownOctets: ownOctets, sender, recipients)
        } catch {
            self.options.logger.error("\(self.options.label): Taking in a message: \(error)")
            for _ in recipients { self.reply(LMTPReply(for: error)) }
        }
    }
}

extension LMTPSession {
    /// The answer for mail that the store did not take.
    func answer(for error: StoreError) -> LMTPReply {
        guard error.code == .overQuota else { return LMTPReply(for: error) }
        let text = self.options.fullMessage
        return self.options.failsFullTemporarily ? LMTPReply(452, "4.2.2", text) : LMTPReply(552, "5.2.2", text)
    }
}

extension LMTPReply {
    /// The answer for mail that the store did not take. All of it may be tried again but what cannot ever work.
    init(for error: StoreError) {
        switch error.code {
        case .overQuota: self.init(552, "5.2.2", "Mailbox is full")
        case .tooBig: self.init(552, "5.3.4", "Message is too big")
        case .diskFull: self.init(452, "4.3.1", "Out of disk space")
        // Without ACLs it is the file system that permits nothing, and that is for the administrator to mend.
        case .noPermission, .notFound, .alreadyExists, .cannot, .expunged, .limit, .inUse, .temporary, .damaged:
            self.init(451, "4.3.0", "Temporary internal error")
        }
    }
}
