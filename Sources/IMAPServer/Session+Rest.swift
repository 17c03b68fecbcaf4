import IMAPCore
import ServerCore

extension Session {
    /// What a session without a task waits for.
    enum Waiting {
        /// A command, for so long.
        case command(Duration)
        /// News or the end of an IDLE; after that time the client is told that the server is still there.
        case idle(Tag, Duration?)

        var events: WaitEvents {
            switch self {
            case .command: .input
            case .idle: [.input, .signal]
            }
        }

        var timeout: Duration? {
            switch self {
            case .command(let time): time
            case .idle(_, let time): time
            }
        }
    }

    /// Waits for more input, in the end by setting `waiting`: then the session is to return.
    func readMoreOrRest() async throws(ConnectionError) {
        let time = self.connection.inactivityTimeout
        // A login has its own, short time, and may be part of many that come to nothing.
        let wakefulness = self.options.wakefulness
        guard self.machine.isAuthenticated, time > wakefulness else { return try await self.connection.readMore() }
        let wakeup = await self.connection.wait(for: .input, timeout: wakefulness)
        guard wakeup == .timeout else { return try self.connection.check(wakeup) }
        self.waiting = .command(time - wakefulness)
    }

    /// Goes on after a rest. Another may follow at once.
    func wake(_ wakeup: Wakeup) async throws(ConnectionError) {
        guard let waiting = self.waiting else { return }
        self.waiting = nil
        switch waiting {
        case .command: try self.connection.check(wakeup)
        case .idle(let tag, _): try await self.idle(tag, after: wakeup)
        }
    }
}
