import NIOCore

extension Connection {
    /// Sends the pending output in clear, then makes the connection a TLS one and waits for the handshake.
    ///
    /// Write the go-ahead (`OK Begin TLS`) into the output and call this without a flush between: both
    /// happen in one step of the loop. Unread input is dropped first, since what came in clear must not
    /// count as said under TLS (command injection). Afterwards `tls` is set.
    ///
    /// `applicationProtocol` is the ALPN name to answer to (`imap`, `pop3`, `managesieve`), empty for none.
    /// Throws `.tls` for a failed handshake, `.timedOut` when it takes longer than
    /// `limits.handshakeTimeout`; the connection is then closed.
    public func startTLS(
        _ tlsContext: TLSContext, applicationProtocol: String
    ) async throws(ConnectionError) {
        self.loop.preconditionInEventLoop()
        precondition(self.tls == nil, "TLS is started once")
        self.consume(self.unread)
        self.compression?.input = ByteBuffer()
        self.sendPending()
        try self.addTLS(tlsContext, applicationProtocol: applicationProtocol)
        try await self.finishHandshake()
    }

    /// Puts the TLS handler into the pipeline. For an implicit TLS listener this runs when the channel is
    /// made, before the first octet is read.
    func addTLS(_ tlsContext: TLSContext, applicationProtocol: String) throws(ConnectionError) {
        guard let transport = TLSTransport(tlsContext, applicationProtocol: applicationProtocol) else {
            throw self.abort(ConnectionError(.tls, "TLS session refused: \(openSSLErrorText())"))
        }
        do {
            try self.channel.pipeline.syncOperations.addHandler(TLSHandler(transport), position: .first)
        } catch {
            throw self.abort(ConnectionError(.closed, "Connection closed before TLS began"))
        }
    }

    func finishHandshake() async throws(ConnectionError) {
        let deadline = NIODeadline.now() + self.limits.handshakeTimeout.nio
        while self.tls == nil {
            if let failure = self.failure { throw failure }
            if self.isClosed || self.inputEnded {
                throw self.abort(ConnectionError(.tls, "Connection closed during the TLS handshake"))
            }
            if await self.suspend(for: [.handshake, .inputEnd], deadline: deadline) == .timeout {
                throw self.abort(ConnectionError(.timedOut, "TLS handshake took too long"))
            }
        }
    }

    func received(_ event: TLSEvent) {
        switch event {
        case .established(let info):
            self.tls = info
            if let waiter = self.waiter, waiter.events.contains(.handshake) { self.wake(.input) }
        case .failed(let error):
            _ = self.abort(error)
            if let waiter = self.waiter, waiter.events.contains(.handshake) { self.wake(.closed) }
        }
    }
}
