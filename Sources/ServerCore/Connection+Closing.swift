import NIOCore

extension Connection {
    /// Sends what is pending, then closes in an orderly way: the peer gets to read the last line even when
    /// it has sent more than the session read. Takes at most `limits.lingerTime` and never fails.
    public func close() async {
        self.loop.preconditionInEventLoop()
        if !self.isClosed, self.failure == nil {
            self.discarding = true
            self.inputBuffer = ByteBuffer()
            await self.drain()
            let deadline = NIODeadline.now() + self.limits.lingerTime.nio
            // Closing a socket with unread input resets it, and the reset may overtake the last line: stop
            // sending, and read what comes until the peer closes too.
            self.channel.close(mode: .output, promise: nil)
            self.readSuppressed = true
            self.resumeReading()
            while !self.inputEnded, !self.isClosed {
                if await self.suspend(for: [.inputEnd], deadline: deadline) == .timeout { break }
            }
        }
        self.channel.close(promise: nil)
        self.cancelTimer()
    }

    /// Waits until the network took everything, at most `limits.outputTimeout`; `limits.lingerTime` for who never logged in.
    private func drain() async {
        let patience = self.absoluteDeadline == nil ? self.limits.outputTimeout : self.limits.lingerTime
        let deadline = NIODeadline.now() + patience.nio
        self.sendToTheLast()
        while !self.isDrained, !self.isClosed {
            if await self.suspend(for: .drained, deadline: deadline) == .timeout { break }
        }
    }

    private func sendToTheLast() {
        self.sendPending()
        guard let context = self.context else { return }
        // An empty write completes after all that were before it.
        let written = self.loop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { _ in
            self.isDrained = true
            if let waiter = self.waiter, waiter.events.contains(.drained) { self.wake(.input) }
        }
        context.writeAndFlush(NIOAny(ByteBuffer()), promise: written)
    }
}
