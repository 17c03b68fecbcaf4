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

    private var waiting: [(ticket: UInt64, since: UInt64, continuation: Continuation)] = []

    var isEmpty: Bool { self.waiting.isEmpty }

    /// - Parameter tries: those to write that do not count for this one.
    mutating func add(_ ticket: UInt64, since tries: UInt64 = 0, _ continuation: Continuation) {
        self.waiting.append((ticket, tries, continuation))
    }

    /// Takes out those who wait for one of these tickets, and came before this try to write.
    mutating func take(_ tickets: ClosedRange<UInt64>, before tries: UInt64 = .max) -> Ready {
        var ready = Ready()
        self.waiting.removeAll { waiter in
            guard tickets.contains(waiter.ticket), waiter.since < tries else { return false }
            ready.continuations.append(waiter.continuation)
            return true
        }
        return ready
    }
}
