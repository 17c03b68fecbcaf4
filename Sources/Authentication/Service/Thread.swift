import Glibc

/// A POSIX thread: blocking work stays off the event loops and off Swift's cooperative pool.
enum Thread {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Starts a detached thread; `false` when the system refuses one.
    @discardableResult
    static func start(_ run: @escaping @Sendable () -> Void) -> Bool {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        let body = Unmanaged.passRetained(Body(run))
        let result = pthread_create(
            &thread, &attributes,
            { context in
                if let context { Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run() }
                return nil
            }, body.toOpaque())
        guard result == 0 else {
            body.release()
            return false
        }
        return true
    }
}

/// Milliseconds that only ever advance.
struct Ticks: Comparable, Hashable, Sendable {
    var milliseconds: Int64

    static var now: Ticks {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Ticks(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    static func < (a: Ticks, b: Ticks) -> Bool { a.milliseconds < b.milliseconds }
    static func + (a: Ticks, milliseconds: Int) -> Ticks {
        Ticks(milliseconds: a.milliseconds + Int64(milliseconds))
    }

    /// From now until this time, for poll(2): 0 when past, at most a minute.
    func timeout(from now: Ticks) -> CInt {
        CInt(max(0, min(60_000, self.milliseconds - now.milliseconds)))
    }
}
