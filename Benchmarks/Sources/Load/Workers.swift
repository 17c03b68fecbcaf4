import Glibc
import Synchronization

/// Threads that do the same at a time.
enum Workers {
    private final class Job: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Runs `body` on so many threads, told their numbers, waits for all and throws what one of them threw.
    static func run(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) throws {
        let failure = SharedFailure()
        var threads: [pthread_t] = []
        defer { for thread in threads { pthread_join(thread, nil) } }
        for number in 0..<count {
            let job = Job {
                do { try body(number) } catch { failure.note(error as? LoadError ?? LoadError("\(error)")) }
            }
            var thread = pthread_t()
            let status = pthread_create(
                &thread, nil,
                { argument in
                    if let argument { Unmanaged<Job>.fromOpaque(argument).takeRetainedValue().run() }
                    return nil
                }, Unmanaged.passRetained(job).toOpaque())
            try check(status == 0, "no thread: error \(status)")
            threads.append(thread)
        }
        for thread in threads { pthread_join(thread, nil) }
        threads = []
        if let error = failure.first { throw error }
    }

    private final class SharedFailure: Sendable {
        private let error = Mutex<LoadError?>(nil)
        var first: LoadError? { self.error.withLock { $0 } }
        func note(_ new: LoadError) { self.error.withLock { if $0 == nil { $0 = new } } }
    }

    /// Runs an operation on so many threads again and again for `seconds`; answers how long each took, in nanoseconds.
    /// `make` is called on each thread beforehand, outside of the time, and answers the operation, which hears how
    /// often that thread has done it.
    static func measure(
        _ count: Int, seconds: Double, _ make: @escaping @Sendable (Int) throws -> ((Int) throws -> Void)
    ) throws -> (latencies: [UInt64], elapsed: UInt64) {
        let collected = Collected()
        let gate = Gate()
        try self.run(count) { number in
            let operation: (Int) throws -> Void
            do { operation = try make(number) } catch {
                gate.giveUp()
                throw error
            }
            let start = gate.wait(for: count)
            guard start > 0 else { return }
            let end = start + UInt64(seconds * 1e9)
            var latencies: [UInt64] = []
            var last = nanoseconds()
            repeat {
                try operation(latencies.count)
                let now = nanoseconds()
                latencies.append(now - last)
                last = now
            } while last < end
            collected.add(latencies, last - start)
        }
        return collected.result
    }

    /// Lets all threads begin at once.
    private final class Gate: Sendable {
        private let state = Mutex((waiting: 0, start: UInt64(0), isGivenUp: false))

        func giveUp() { self.state.withLock { $0.isGivenUp = true } }

        /// When all began; 0 when they never will.
        func wait(for count: Int) -> UInt64 {
            self.state.withLock {
                $0.waiting += 1
                if $0.waiting == count { $0.start = nanoseconds() }
            }
            while true {
                let (start, isGivenUp) = self.state.withLock { ($0.start, $0.isGivenUp) }
                if start > 0 || isGivenUp { return isGivenUp ? 0 : start }
                pause(milliseconds: 1)
            }
        }
    }

    private final class Collected: Sendable {
        private let state = Mutex((latencies: [UInt64](), elapsed: UInt64(0)))
        var result: (latencies: [UInt64], elapsed: UInt64) { self.state.withLock { $0 } }
        func add(_ latencies: [UInt64], _ elapsed: UInt64) {
            self.state.withLock {
                $0.latencies.append(contentsOf: latencies)
                $0.elapsed = max($0.elapsed, elapsed)
            }
        }
    }
}
