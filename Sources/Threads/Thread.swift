import CLinux
import Glibc

/// A POSIX thread that runs one function to its end: what waits or computes long stays off the event loops and off
/// Swift's own threads.
package struct Thread: Sendable {
    private final class Start: Sendable {
        let name: StaticString
        let body: @Sendable () -> Void

        init(_ name: StaticString, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }

        func run() {
            // A static string ends with a NUL.
            self.name.withUTF8Buffer { octets in
                octets.withMemoryRebound(to: CChar.self) { martlet_name_thread($0.baseAddress) }
            }
            self.body()
        }
    }

    private let thread: pthread_t

    /// Starts it; nil when the system has none to give (`errno` says why). Either `join` or `detach` is called once.
    ///
    /// `name`: what `top -H` and `perf` show, of at most 15 octets.
    package init?(_ name: StaticString, _ body: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let start = Unmanaged.passRetained(Start(name, body))
        let failed = pthread_create(
            &thread, nil,
            { raw in
                if let raw { Unmanaged<Start>.fromOpaque(raw).takeRetainedValue().run() }
                return nil
            }, start.toOpaque())
        guard failed == 0 else {
            start.release()
            errno = failed
            return nil
        }
        self.thread = thread
    }

    /// Starts one that nobody waits for; `false` when the system has none to give (`errno` says why).
    package static func detached(_ name: StaticString, _ body: @escaping @Sendable () -> Void) -> Bool {
        guard let thread = Thread(name, body) else { return false }
        thread.detach()
        return true
    }

    /// Waits for the end of the function.
    package func join() { pthread_join(self.thread, nil) }

    /// Lets it end by itself.
    package func detach() { pthread_detach(self.thread) }
}
