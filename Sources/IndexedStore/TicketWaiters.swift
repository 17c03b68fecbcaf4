internal import MailStore

/// Callers that are suspended until a record has come as far as they need it. Its owner's lock guards it; callers are
/// resumed without that lock.
struct TicketWaiters {
    typealias Continuation = CheckedContinuation<Result<Void, StoreError>, Never>

    /// Those who need not wait any longer.
    struct Ready {
        fileprivate var continuations: [Continuation] = []

        func resume(_ result: Result<Void, StoreError>) {
            for continuation in self.continuations { continuation.resume(returning: result) }
        }
    }

    private var waiting: [(ticket: UInt64, continuation: Continuation)] = []

    var isEmpty: Bool { self.waiting.isEmpty }

    mutating func add(_ ticket: UInt64, _ continuation: Continuation) { self.waiting.append((ticket, continuation)) }

    /// Takes out those who wait for one of these tickets.
    mutating func take(_ tickets: ClosedRange<UInt64>) -> Ready {
        var ready = Ready()
        self.waiting.removeAll { waiter in
            guard tickets.contains(waiter.ticket) else { return false }
            ready.continuations.append(waiter.continuation)
            return true
        }
        return ready
    }
}
