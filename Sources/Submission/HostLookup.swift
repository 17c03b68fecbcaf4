import Glibc
import Synchronization
import Threads

/// The addresses of a host, looked up within a time: the system's resolver has time-outs of its own, which add up to more
/// than anybody waits here.
final class HostLookup: @unchecked Sendable {
    // Proof of Sendable: what the thread writes, and who frees it, is decided with `state` locked; `done` is posted once.

    struct Failure: Error {
        var text: String
    }

    /// A list that `freeaddrinfo` takes.
    typealias Addresses = UnsafeMutablePointer<addrinfo>

    private struct State: @unchecked Sendable {
        // Handed from the thread to who waits, never used by both.
        var found: Addresses?
        var problem: CInt = 0
        var isAbandoned = false
        var isDone = false
    }

    private let state = Mutex(State())
    private let done = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
    private let host: String
    private let port: String

    /// Look-ups that nobody waits for any more, and that have not ended.
    private static let abandoned = Mutex(0)
    private static let maximumAbandoned = 32

    private init(_ host: String, _ port: String) {
        self.host = host
        self.port = port
        sem_init(self.done, 0, 0)
    }

    deinit {
        sem_destroy(self.done)
        self.done.deallocate()
    }

    /// - Parameter deadline: milliseconds of the steady clock.
    static func find(_ host: String, _ port: String, until deadline: Int64) throws(Failure) -> Addresses? {
        guard self.abandoned.withLock({ $0 < self.maximumAbandoned }) else {
            throw Failure(text: "the resolver does not answer")
        }
        let lookup = HostLookup(host, port)
        guard Thread.detached("resolver", { lookup.run() }) else {
            throw Failure(text: String(cString: strerror(errno)))
        }
        return try lookup.wait(until: deadline)
    }

    private func run() {
        var hints = addrinfo()
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var found: Addresses?
        let problem = getaddrinfo(self.host, self.port, &hints, &found)
        let isAbandoned = self.state.withLock { state in
            state.found = found
            state.problem = problem
            state.isDone = true
            return state.isAbandoned
        }
        if isAbandoned {
            if let found, problem == 0 { freeaddrinfo(found) }
            Self.abandoned.withLock { $0 -= 1 }
        } else {
            sem_post(self.done)
        }
    }

    private func wait(until deadline: Int64) throws(Failure) -> Addresses? {
        let left = max(0, deadline - SMTPConnection.now())
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        time.tv_sec += Int(left / 1000)
        time.tv_nsec += Int(left % 1000) * 1_000_000
        if time.tv_nsec >= 1_000_000_000 {
            time.tv_sec += 1
            time.tv_nsec -= 1_000_000_000
        }
        while sem_timedwait(self.done, &time) != 0, errno == EINTR {}
        let (isDone, problem) = self.state.withLock { state in
            if !state.isDone {
                state.isAbandoned = true
                Self.abandoned.withLock { $0 += 1 }
            }
            return (state.isDone, state.problem)
        }
        guard isDone else { throw Failure(text: "the resolver takes too long") }
        guard problem == 0 else { throw Failure(text: String(cString: gai_strerror(problem))) }
        return self.state.withLock { $0.found }
    }
}
