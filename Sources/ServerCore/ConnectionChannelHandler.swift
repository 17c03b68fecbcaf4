import NIOCore

/// The end of a connection's pipeline: moves octets and events between the channel and `Connection`.
final class ConnectionChannelHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let connection: Connection

    init(_ connection: Connection) { self.connection = connection }

    func handlerAdded(context: ChannelHandlerContext) { self.connection.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.connection.context = nil
        self.connection.channelClosed()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.connection.received(self.unwrapInboundIn(data))
    }

    func read(context: ChannelHandlerContext) {
        if self.connection.wantsInput {
            context.read()
        } else {
            self.connection.readSuppressed = true
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { self.connection.becameWritable() }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed: self.connection.endOfInput()
        case let event as TLSEvent: self.connection.received(event)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.connection.channelClosed()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        _ = self.connection.abort(
            (error as? ConnectionError) ?? ConnectionError(.closed, "Connection failed: \(error)"))
    }
}

extension Connection {
    /// Read ahead of the session so much; more only when it asks.
    private static let readAhead = 16 * 1024

    var wantsInput: Bool {
        let compressed = self.compression?.input.readableBytes ?? 0
        if self.inputBuffer.readableBytes + compressed < Self.readAhead { return true }
        return self.waiter?.events.contains(.input) ?? false
    }

    func received(_ buffer: ByteBuffer) {
        var buffer = buffer
        self.executor.noteLook()
        if self.discarding { return }
        if let compression = self.compression { return self.receivedCompressed(&buffer, compression) }
        self.bytesIn += UInt64(buffer.readableBytes)
        if self.inputBuffer.readableBytes == 0 {
            self.inputBuffer = buffer
        } else {
            self.inputBuffer.discardReadBytes()
            self.inputBuffer.writeBuffer(&buffer)
        }
        if let waiter = self.waiter, waiter.events.contains(.input) {
            self.noteLook()
            self.wake(.input)
        }
    }

    func resumeReading() {
        guard self.readSuppressed, self.wantsInput else { return }
        self.readSuppressed = false
        self.context?.read()
    }

    func becameWritable() {
        if let waiter = self.waiter, waiter.events.contains(.writable) { self.wake(.input) }
    }

    func endOfInput() {
        self.inputEnded = true
        self.tellEnd()
        if let waiter = self.waiter, waiter.events.contains(.inputEnd) { self.wake(.closed) }
    }

    func channelClosed() {
        self.inputEnded = true
        self.isClosed = true
        self.tellEnd()
        self.cancelTimer()
        self.compression?.end()
        self.wake(.closed)
    }

    func sendPending() {
        guard !self.output.isEmpty, let context = self.context else { return }
        self.bytesOut += UInt64(self.output.count)
        let buffer: ByteBuffer
        if let compression = self.compression, !compression.isEnding {
            guard let compressed = compression.compress(self.output, .flush, context.channel.allocator) else {
                _ = self.abort(ConnectionError(.closed, "No memory for compression"))
                return
            }
            buffer = compressed
        } else {
            buffer = context.channel.allocator.buffer(bytes: self.output)
        }
        self.output.removeAll(keepingCapacity: true)
        context.writeAndFlush(NIOAny(buffer), promise: nil)
    }

    /// Breaks the connection and returns the error to throw: the first one that happened.
    func abort(_ error: ConnectionError) -> ConnectionError {
        if self.failure == nil { self.failure = error }
        self.output = []
        self.channel.close(promise: nil)
        return self.failure ?? error
    }
}
