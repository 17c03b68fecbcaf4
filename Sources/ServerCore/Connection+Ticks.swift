import NIOCore

/// Calls that come again and again, until they are stopped.
public struct Ticks: Sendable {
    fileprivate let task: RepeatedTask

    /// No call comes after this; on the connection's loop.
    public func stop() { self.task.cancel() }
}

extension Connection {
    /// Calls `body` on the loop again and again, with `interval` before each call.
    public func ticks(every interval: Duration, _ body: @escaping @Sendable () -> Void) -> Ticks {
        self.loop.preconditionInEventLoop()
        return Ticks(
            task: self.loop.scheduleRepeatedTask(initialDelay: interval.nio, delay: interval.nio) { _ in body() })
    }

    /// Whether the peer keeps up with what it is sent.
    public var isWritable: Bool {
        self.loop.preconditionInEventLoop()
        return !self.isClosed && self.channel.isWritable
    }

    /// Sends the pending output without waiting for the peer: for a few octets while something else is waited for.
    public func send() {
        self.loop.preconditionInEventLoop()
        if !self.isClosed { self.sendPending() }
    }
}
