import CLinux
import Glibc
import Synchronization

/// A role's end of its control socket.
final class RoleControl: Sendable {
    /// Where the supervisor puts it.
    static let descriptor: CInt = 3

    private let splitter = Mutex(RoleMessageSplitter())
    private let sending = Mutex(())

    /// The next message; `nil` when the supervisor is gone. Blocks; for one thread.
    func receive() -> RoleMessage? {
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            switch self.splitter.withLock({ $0.next() }) {
            case .message(let message): return message
            case .malformed: return nil
            case .needMore: break
            }
            let count = read(Self.descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return nil }
            self.splitter.withLock { $0.feed(buffer[..<count]) }
        }
    }

    /// Tells the supervisor; from any thread. A supervisor that is gone is noticed by `receive`.
    func send(_ message: RoleMessage) {
        let bytes = message.encode()
        self.sending.withLock { _ in _ = Glibc.write(Self.descriptor, bytes, bytes.count) }
    }

    /// What every role does first: keeps its sockets from programs that it starts, lets signals for the whole process
    /// group pass by (the supervisor says when to end), and waits for its start.
    func begin() -> RoleStart {
        // This one and those to listen on came through exec, so they are not marked.
        martlet_close_others_on_exec()
        // Handlers rather than SIG_IGN, which programs started from here would inherit.
        for number in [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGPIPE] { Signals.pass(number) }
        guard case .start(let start)? = self.receive() else { exit(0) }
        return start
    }
}
