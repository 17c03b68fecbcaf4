internal import DequeModule
internal import Synchronization

/// Bounds the octets of messages in work; who asks for more waits suspended, in the order of arrival.
final class OctetBudget: Sendable {
    private struct State {
        var free: Int
        var waiting: Deque<(count: Int, continuation: CheckedContinuation<Void, Never>)> = []
    }

    private let total: Int
    private let state: Mutex<State>

    init(total: Int) {
        self.total = total
        self.state = Mutex(State(free: total))
    }

    /// Takes `count` octets, of which a request larger than the whole budget takes all.
    func take(_ count: Int) async {
        let count = min(count, self.total)
        if self.state.withLock({ Self.grant(count, &$0) }) { return }
        await withCheckedContinuation { continuation in
            let granted = self.state.withLock { state in
                if Self.grant(count, &state) { return true }
                state.waiting.append((count, continuation))
                return false
            }
            if granted { continuation.resume() }
        }
    }

    private static func grant(_ count: Int, _ state: inout State) -> Bool {
        guard state.waiting.isEmpty, state.free >= count else { return false }
        state.free -= count
        return true
    }

    func giveBack(_ count: Int) {
        let granted = self.state.withLock { state in
            state.free += min(count, self.total)
            var granted: [CheckedContinuation<Void, Never>] = []
            while let first = state.waiting.first, first.count <= state.free {
                state.free -= first.count
                granted.append(first.continuation)
                state.waiting.removeFirst()
            }
            return granted
        }
        for continuation in granted { continuation.resume() }
    }
}
