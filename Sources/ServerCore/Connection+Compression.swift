import NIOCore

extension Connection {
    /// Whether `startCompression` was called, and not `stopCompression` after it.
    public var isCompressed: Bool { self.compression.map { !$0.isEnding } ?? false }

    /// Sends the pending output as it is, then compresses both directions with raw DEFLATE (RFC 4978), inside TLS if there
    /// is TLS. Unread input counts as compressed already: a peer may not send before it has seen the go-ahead.
    ///
    /// - Parameter level: 0 (stored) to 9 (smallest, slowest).
    public func startCompression(level: Int) {
        self.loop.preconditionInEventLoop()
        precondition(self.compression == nil, "compression is started once")
        self.sendPending()
        let compression = Compression(level: level)
        compression.input = self.inputBuffer
        self.bytesIn -= UInt64(self.inputBuffer.readableBytes)
        self.noteLook()
        self.inputBuffer = ByteBuffer()
        self.compression = compression
    }

    /// Whether there is input that the session has not seen because it is not inflated.
    var canInflate: Bool { self.failure == nil && self.compression?.hasMore ?? false }

    /// Sends the pending output as the compressor's last, then goes on in clear both ways: UNAUTHENTICATE (RFC 8437 section
    /// 4.1). The peer's stream ends behind the command that the session has just read; what it sent after that, perhaps
    /// already here, is clear. A peer that has compressed more is disconnected.
    public func stopCompression() {
        self.loop.preconditionInEventLoop()
        guard let compression = self.compression, !compression.isEnding else { return }
        if let context = self.context, let last = compression.compress(self.output, .finish, self.channel.allocator) {
            self.bytesOut += UInt64(self.output.count)
            self.output.removeAll(keepingCapacity: true)
            context.writeAndFlush(NIOAny(last), promise: nil)
        }
        compression.isEnding = true
        // Commands behind it would run as clear ones, and could ask for compression while this one has not ended.
        guard self.inputBuffer.readableBytes == 0 else { return self.failInput(compression) }
        self.finishInput(compression)
    }

    /// Reads to the end of the peer's stream, if it is there, and on in clear.
    private func finishInput(_ compression: Compression) {
        guard compression.isEnding else { return }
        while !compression.isBehindStream, compression.hasMore {
            var content = ByteBuffer()
            let outcome = compression.inflate(into: &content, self.channel.allocator)
            if case .damaged = outcome { return self.failInput(compression) }
            guard content.readableBytes == 0 else { return self.failInput(compression) }
        }
        guard compression.isBehindStream else { return }
        var rest = compression.input
        compression.end()
        self.compression = nil
        guard rest.readableBytes > 0 else { return }
        self.bytesIn += UInt64(rest.readableBytes)
        self.inputBuffer.writeBuffer(&rest)
    }

    private func failInput(_ compression: Compression) {
        compression.end()
        _ = self.abort(ConnectionError(.closed, "Compressed input is damaged"))
    }

    /// Makes more of the input readable for a session that has seen all there is.
    func inflateMore() {
        guard self.canInflate, let compression = self.compression else { return }
        guard !compression.isEnding else { return self.finishInput(compression) }
        let before = self.inputBuffer.readableBytes
        let outcome = compression.inflate(into: &self.inputBuffer, self.channel.allocator)
        let made = self.inputBuffer.readableBytes - before
        self.bytesIn += UInt64(made)
        if self.inputBuffer.readableBytes == 0 { self.inputBuffer = ByteBuffer() }
        switch outcome {
        case .fine: break
        case .ended:
            // The session may have to say yet that clear input follows.
            guard made == 0 else { return }
            compression.input = ByteBuffer()
            self.inputEnded = true
        case .damaged: self.failInput(compression)
        }
    }

    /// Takes compressed octets from the network.
    func receivedCompressed(_ buffer: inout ByteBuffer, _ compression: Compression) {
        if compression.input.readableBytes == 0 {
            compression.input = buffer
        } else {
            compression.input.discardReadBytes()
            compression.input.writeBuffer(&buffer)
        }
        guard let waiter = self.waiter, waiter.events.contains(.input) else { return }
        // Octets that stand for nothing must not keep it from reading on.
        while self.bytesIn == self.seen, self.canInflate { self.inflateMore() }
        if self.bytesIn > self.seen {
            self.noteLook()
            self.wake(.input)
        } else if self.inputEnded {
            self.wake(.closed)
        }
    }
}
