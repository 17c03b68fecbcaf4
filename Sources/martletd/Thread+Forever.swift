import Glibc
import Threads

extension Thread {
    /// Starts one for something that blocks as long as the process lives.
    static func forever(_ name: StaticString, _ body: @escaping @Sendable () -> Void) {
        guard !self.detached(name, body) else { return }
        // Nothing here can do without its threads; the supervisor starts the role again.
        Complaint.write("cannot start a thread: \(String(cString: strerror(errno)))")
        exit(71)  // EX_OSERR
    }

    /// For the main thread, when another one will end the process.
    static func sleepForever() -> Never {
        while true { pause() }
    }
}
