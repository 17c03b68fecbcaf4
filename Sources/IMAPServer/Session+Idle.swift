import IMAPCore
import MailCore
import ServerCore

extension Session {
    /// IDLE (RFC 2177): tells changes as they come until the client says DONE. Without a selected mailbox
    /// it just waits, as some clients expect.
    func idle(_ tag: Tag) async throws(ConnectionError) {
        self.write { $0.continuation("idling".utf8) }
        // By itself: of an answer that is compressed Thunderbird at times takes in only the beginning, and would find
        // changes behind this line no sooner than the next ones.
        try await self.connection.flush()
        if self.endIfMoved() { return }
        try await self.tellChanges(.allowed, .event)
        try await self.idle(tag, after: .input)
    }

    /// Goes on with an IDLE, to its end or to a rest.
    func idle(_ tag: Tag, after wakeup: Wakeup) async throws(ConnectionError) {
        let interval = self.settings.idleNotifyInterval
        let timeout = interval > .zero ? interval : nil
        let wakefulness = min(self.options.wakefulness, timeout ?? self.options.wakefulness)
        var wakeup = wakeup
        while true {
            switch wakeup {
            case .input: break
            case .signal:
                if self.endIfMoved() { return }
                try await self.tellChanges(.allowed, .event)
                try await self.tellAccountChanges()
            case .timeout:
                self.write { $0.untagged(.ok, nil, "Still here") }
                // Messages grow older: RFC 5032 section 2.
                if !self.searchUpdates.list.isEmpty { try await self.tellChanges(.allowed, .event) }
            case .closed: throw ConnectionError(.closed, "Connection closed in IDLE")
            case .shutdown:
                throw ConnectionError(.shutdown, (self.connection.shutdownReason ?? .stopping).text)
            }
            switch self.nextLine() {
            case .line(let line):
                let isDone = ASCII.equalsIgnoringCase(line, "done".utf8)
                guard isDone else { return self.bad(tag, "Expected DONE") }
                return try await self.finish(tag, "Idle completed")
            case .tooLong:
                self.end(.clientBug, "Expected DONE")
                return
            case .needMore:
                break
            }
            try await self.connection.flush()
            wakeup = await self.connection.wait(for: [.input, .signal], timeout: wakefulness)
            if wakeup == .timeout, timeout.map({ $0 > wakefulness }) ?? true {
                self.waiting = .idle(tag, timeout.map { $0 - wakefulness })
                return
            }
        }
    }
}
