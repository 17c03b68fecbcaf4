import Glibc

/// A thread for something that blocks as long as the process lives.
enum Thread {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    static func start(_ body: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(Body(body))
        let failed = pthread_create(
            &thread, nil,
            { raw in
                if let raw { Unmanaged<Body>.fromOpaque(raw).takeRetainedValue().run() }
                return nil
            }, context.toOpaque())
        guard failed == 0 else {
            // Nothing here can do without its threads; the supervisor starts the role again.
            Complaint.write("cannot start a thread: \(String(cString: strerror(failed)))")
            exit(71)  // EX_OSERR
        }
        pthread_detach(thread)
    }

    /// For the main thread, when another one will end the process.
    static func sleepForever() -> Never {
        while true { pause() }
    }
}
