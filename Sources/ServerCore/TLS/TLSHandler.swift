import NIOCore

/// TLS in a channel's pipeline: ciphertext on the network's side, the protocol's octets on the other.
/// Holds no policy but one: a handshake may take 128 KiB from the peer, no more.
final class TLSHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        case handshaking(received: Int)
        case established
        case closed
    }

    private static let maximumHandshake = 128 * 1024
    /// Octets that TLS itself may have to answer between two of the protocol's: hundreds of key updates, each of which
    /// costs its sender nothing and would be queued for a peer that never reads.
    private static let maximumAnswers = 16 * 1024

    private let transport: TLSTransport
    private var state = State.handshaking(received: 0)
    /// Octets of TLS's own since the protocol's last.
    private var answered = 0

    init(_ transport: TLSTransport) { self.transport = transport }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = self.unwrapInboundIn(data)
        if case .closed = self.state { return }
        let count = buffer.readableBytes
        if self.transport.incoming.readableBytes == 0 {
            self.transport.incoming = buffer
        } else {
            self.transport.incoming.writeBuffer(&buffer)
        }
        if case .handshaking(let received) = self.state {
            guard received + count <= Self.maximumHandshake else {
                return self.fail(context, "TLS handshake is too large")
            }
            self.state = .handshaking(received: received + count)
            self.shakeHands(context)
        }
        if case .established = self.state { self.deliver(context) }
    }

    private func shakeHands(_ context: ChannelHandlerContext) {
        switch self.transport.handshake() {
        case .wantsInput: self.send(context)
        case .failed(let reason):
            self.send(context)  // the alert
            self.fail(context, "TLS handshake failed: \(reason)")
        case .done:
            self.send(context)
            self.state = .established
            context.fireUserInboundEventTriggered(TLSEvent.established(self.transport.info()))
        }
    }

    private func deliver(_ context: ChannelHandlerContext) {
        while true {
            let plain = self.transport.decrypt(allocator: context.channel.allocator)
            self.answered += self.transport.outgoing.readableBytes
            self.send(context)  // answers to key updates, alerts
            guard self.answered <= Self.maximumAnswers else {
                return self.fail(context, "TLS failed: too many key updates")
            }
            switch plain {
            case .bytes(let buffer):
                self.answered = 0
                context.fireChannelRead(self.wrapInboundOut(buffer))
            case .wantsInput: return
            case .closed:
                self.transport.incoming = ByteBuffer()
                context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
                return
            case .failed(let reason): return self.fail(context, "TLS failed: \(reason)")
            }
            // The receiver may have closed the channel.
            guard case .established = self.state else { return }
        }
    }

    private func fail(_ context: ChannelHandlerContext, _ reason: String) {
        self.state = .closed
        self.transport.incoming = ByteBuffer()
        context.fireUserInboundEventTriggered(TLSEvent.failed(ConnectionError(.tls, reason)))
    }

    private func send(_ context: ChannelHandlerContext) {
        guard self.transport.outgoing.readableBytes > 0 else { return }
        let buffer = self.transport.outgoing
        self.transport.outgoing = ByteBuffer()
        context.writeAndFlush(self.wrapOutboundOut(buffer), promise: nil)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .established = self.state else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        if let reason = self.transport.encrypt(self.unwrapOutboundIn(data)) {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return self.fail(context, "TLS failed: \(reason)")
        }
        let buffer = self.transport.outgoing
        self.transport.outgoing = ByteBuffer()
        context.write(self.wrapOutboundOut(buffer), promise: promise)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if case .established = self.state, mode != .input {
            self.transport.shutdown()
            self.send(context)
            if mode == .all { self.state = .closed }
        }
        context.close(mode: mode, promise: promise)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.state = .closed
        context.fireChannelInactive()
    }
}
