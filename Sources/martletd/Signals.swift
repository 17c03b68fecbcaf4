import CLinux
import Glibc

/// Signals as octets in a pipe, so that a poll loop sees them.
enum Signals {
    // Written once before any handler can run, and read by handlers.
    nonisolated(unsafe) private static var writeEnd: CInt = -1

    /// Delivers `numbers` to the pipe whose read end is returned; `nil` when there are no descriptors left.
    static func openPipe(_ numbers: [CInt]) -> CInt? {
        var ends: [CInt] = [0, 0]
        guard martlet_pipe2(&ends, O_CLOEXEC | O_NONBLOCK) == 0 else { return nil }
        self.writeEnd = ends[1]
        // Whoever started us may have blocked them: threads of some runtimes do, and their children inherit it.
        var none = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, nil)
        for number in numbers {
            self.handle(number) { number in
                let saved = errno
                var octet = UInt8(truncatingIfNeeded: number)
                _ = write(Signals.writeEnd, &octet, 1)
                errno = saved
            }
        }
        return ends[0]
    }

    /// Does nothing at a signal; programs started later have its default again.
    static func pass(_ number: CInt) { self.handle(number) { _ in } }

    private static func handle(_ number: CInt, _ handler: @escaping @convention(c) (CInt) -> Void) {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = handler
        action.sa_flags = SA_RESTART
        sigemptyset(&action.sa_mask)
        sigaction(number, &action, nil)
    }
}
