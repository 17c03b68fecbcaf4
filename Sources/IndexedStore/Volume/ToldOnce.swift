internal import Synchronization

/// What was logged, so that it is logged once while the server runs.
final class ToldOnce: Sendable {
    /// Texts that are remembered; then all are forgotten.
    private static let limit = 10_000

    private let texts = Mutex<Set<String>>([])

    /// Whether a text comes for the first time.
    func isNew(_ text: String) -> Bool {
        self.texts.withLock { texts in
            if texts.count >= Self.limit { texts = [] }
            return texts.insert(text).inserted
        }
    }
}
