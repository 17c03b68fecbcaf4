import CLinux
import Glibc
import Synchronization

extension AuthClient {
    /// The reader thread: connects, reads replies, sends what callers could not, ends requests that wait too long.
    func run(_ wakePipe: WakePipe) {
        var splitter = AuthLineSplitter()
        var retryAt = Ticks.now
        var retryDelay = 10
        var didComplain = false
        while true {
            let now = Ticks.now
            var (descriptor, wantsWrite, stopped, isIdle) = self.state.withLock { state in
                (state.descriptor, state.wantsWrite, state.stopped, state.pending.isEmpty)
            }
            if stopped { return self.finish() }
            if descriptor < 0, !isIdle, now >= retryAt {
                let fd = martlet_connect_unix(self.path, CInt(SOCK_NONBLOCK.rawValue), 0)
                if fd >= 0 {
                    let greeting = Array("VERSION\t1\t2\nCPID\t\(getpid())\n".utf8)
                    self.state.withLock { $0.connected(fd, greeting: greeting) }
                    splitter = AuthLineSplitter()
                    descriptor = fd
                    retryDelay = 10
                    if didComplain { self.log(.info, "auth: connected to \(self.path) again") }
                    didComplain = false
                    if self.state.withLock({ $0.beginsSending() }) { self.sendHeld() }
                    wantsWrite = self.state.withLock { $0.wantsWrite }
                } else {
                    if !didComplain {
                        self.log(
                            .error, "auth: connect(\(self.path)) failed: \(String(cString: strerror(-fd)))")
                        didComplain = true
                    }
                    retryAt = now + retryDelay
                    retryDelay = min(retryDelay * 2, 1000)
                }
            }
            var events: [pollfd] = [pollfd(fd: wakePipe.readEnd, events: Int16(POLLIN), revents: 0)]
            if descriptor >= 0 {
                let wanted = Int16(POLLIN) | (wantsWrite ? Int16(POLLOUT) : 0)
                events.append(pollfd(fd: descriptor, events: wanted, revents: 0))
            }
            // A request that comes while this waits is sent without waking it, so that its end in time is
            // noticed up to ten seconds late; a wake-up for each login would cost more than it gives.
            let pause: CInt =
                descriptor < 0 ? (isIdle ? -1 : retryAt.timeout(from: now)) : isIdle ? 10_000 : 1000
            _ = poll(&events, nfds_t(events.count), pause)
            if events[0].revents != 0 { wakePipe.drain() }
            if events.count > 1 {
                if events[1].revents & Int16(POLLOUT) != 0, self.state.withLock({ $0.beginsSending() }) {
                    self.sendHeld()
                }
                if events[1].revents & ~Int16(POLLOUT) != 0, !self.read(descriptor, &splitter) {
                    retryAt = Ticks.now
                    self.lose("the auth service closed the connection")
                }
            }
            self.expire()
        }
    }

    /// `false` when the connection has ended.
    private func read(_ descriptor: CInt, _ splitter: inout AuthLineSplitter) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: 16384, alignment: 1) { buffer in
            let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count < 0 { return errno == EAGAIN || errno == EINTR }
            guard count > 0 else { return false }
            var finished: [(AuthClientPending, AuthClientReply)] = []
            var isCompatible = true
            let fits = splitter.feed(UnsafeRawBufferPointer(rebasing: buffer[..<count])) { bytes in
                let line = AuthLine(bytes)
                if line.text(0) == "VERSION", line.text(1) != "1" { isCompatible = false }
                if let ended = self.state.withLock({ $0.received(line) }) { finished.append(ended) }
            }
            for (request, reply) in finished { request.continuation.resume(returning: reply) }
            return fits && isCompatible
        }
    }

    private func lose(_ reason: String) {
        for request in self.state.withLock({ $0.disconnect() }) {
            request.continuation.resume(returning: .lost(reason))
        }
    }

    private func expire() {
        let now = Ticks.now
        for request in self.state.withLock({ $0.remove { $0.deadline <= now } }) {
            request.continuation.resume(returning: .lost("no answer in \(self.timeout) seconds"))
        }
    }

    private func finish() {
        let all = self.state.withLock { state in
            state.disconnect() + state.remove { _ in true }
        }
        for request in all { request.continuation.resume(returning: .lost("client stopped")) }
    }
}
