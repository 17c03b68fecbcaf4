import Glibc
import Synchronization
import Threads

/// The addresses of a host, looked up within a time: the system's resolver has time-outs of its own, which add up to more
/// than anybody waits here.
final class HostLookup: @unchecked Sendable {
    // Proof of Sendable: what both threads use, and who frees it, is decided with `monitor` locked.

    struct Failure: Error {
        var text: String
    }

    /// A list that `freeaddrinfo` takes.
    typealias Addresses = UnsafeMutablePointer<addrinfo>

    private let monitor = Monitor()
    private var found: Addresses?
    private var problem: CInt = 0
    private var isDone = false
    private var isAbandoned = false
    private let host: String
    private let port: String

    /// Look-ups that nobody waits for any more, and that have not ended.
    private static let abandoned = Mutex(0)
    private static let maximumAbandoned = 32

    private init(_ host: String, _ port: String) {
        self.host = host
        self.port = port
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
        let isAbandoned = self.monitor.lock.withLock {
            self.found = found
            self.problem = problem
            self.isDone = true
            return self.isAbandoned
        }
        if isAbandoned {
            if let found, problem == 0 { freeaddrinfo(found) }
            Self.abandoned.withLock { $0 -= 1 }
        } else {
            self.monitor.wakeAll()
        }
    }

    private func wait(until deadline: Int64) throws(Failure) -> Addresses? {
        let end = UInt64(max(0, deadline)) &* 1_000_000
        let (isDone, problem, found) = self.monitor.lock.withLock {
            while !self.isDone, self.monitor.wait(until: end) {}
            if !self.isDone {
                self.isAbandoned = true
                Self.abandoned.withLock { $0 += 1 }
            }
            return (self.isDone, self.problem, self.found)
        }
        guard isDone else { throw Failure(text: "the resolver takes too long") }
        guard problem == 0 else { throw Failure(text: String(cString: gai_strerror(problem))) }
        return found
    }
}
