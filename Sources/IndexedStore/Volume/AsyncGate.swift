internal import DequeModule
internal import Synchronization

/// Lets one task at a time through; the others wait suspended, in the order of their arrival.
final class AsyncGate: Sendable {
    private struct State {
        var isTaken = false
        var waiting: Deque<@Sendable () -> Void> = []
    }

    private let state = Mutex(State())

    func enter() async {
        await withCheckedContinuation { continuation in self.whenEntered { continuation.resume() } }
    }

    /// Calls `body` when it is its turn, maybe from the thread of who leaves; it must not block. Whatever it starts
    /// ends with `leave`.
    func whenEntered(_ body: @escaping @Sendable () -> Void) {
        let entered = self.state.withLock { state in
            if state.isTaken {
                state.waiting.append(body)
                return false
            }
            state.isTaken = true
            return true
        }
        if entered { body() }
    }

    func leave() {
        let next = self.state.withLock { state -> (@Sendable () -> Void)? in
            if let next = state.waiting.popFirst() { return next }
            state.isTaken = false
            return nil
        }
        next?()
    }
}
