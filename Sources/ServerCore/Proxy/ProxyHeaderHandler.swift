import NIOCore

/// Takes a proxy's header off the begin of a connection, then leaves the pipeline.
final class ProxyHeaderHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    enum Outcome {
        case header(ProxyHeader)
        /// Something else came, or nothing in time.
        case failed(String)
        /// The proxy closed without a word, as some do to see whether the server is there.
        case closed
    }

    private let timeout: Duration
    private let done: (Outcome) -> Void
    private var isDone = false
    private var timer: Scheduled<Void>?
    private var bytes = ByteBuffer()

    /// `done` is called once, on the loop, when the handler has left the pipeline or the channel is to be closed.
    init(timeout: Duration, _ done: @escaping (Outcome) -> Void) {
        self.timeout = timeout
        self.done = done
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.timer = context.eventLoop.assumeIsolated().scheduleTask(in: self.timeout.nio) {
            self.finish(.failed("no PROXY header in time"))
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isDone else { return }
        var buffer = self.unwrapInboundIn(data)
        self.bytes.writeBuffer(&buffer)
        switch ProxyHeader.read(self.bytes.readableBytesUInt8Span) {
        case .needMore: break
        case .malformed(let reason): self.finish(.failed(reason))
        case .header(let header, let length):
            self.bytes.moveReaderIndex(forwardBy: length)
            let rest = self.bytes
            let channel = context.channel
            // Removed at once: this runs on the channel's loop.
            channel.pipeline.syncOperations.removeHandler(self, promise: nil)
            self.finish(.header(header))
            if rest.readableBytes > 0 { channel.pipeline.fireChannelRead(rest) }
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { self.ended() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.ended()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { self.ended() }

    private func ended() {
        self.finish(self.bytes.readableBytes == 0 ? .closed : .failed("closed within the PROXY header"))
    }

    private func finish(_ outcome: Outcome) {
        guard !self.isDone else { return }
        self.isDone = true
        self.bytes = ByteBuffer()
        self.timer?.cancel()
        self.timer = nil
        self.done(outcome)
    }
}
