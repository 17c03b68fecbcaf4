import NIOCore

extension Connection {
    /// Runs `body`, and calls `ended`, at most once and on the loop, when meanwhile the peer closes its side, the connection
    /// breaks or the session is asked to end: who works for the session may stop. One at a time.
    public func watchingEnd<Value, Failure: Error>(
        _ ended: @escaping () -> Void, during body: () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        self.loop.preconditionInEventLoop()
        self.onEnd = ended
        defer { self.onEnd = nil }
        if self.inputEnded || self.isClosed || self.shutdownReason != nil { self.tellEnd() }
        return try await body()
    }

    func tellEnd() {
        let ended = self.onEnd
        self.onEnd = nil
        ended?()
    }
}
