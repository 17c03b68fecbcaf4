import Synchronization

/// Sentences for the log that come up with each login or delivery and are worth one line.
public final class ToldOnce: Sendable {
    /// Sentences remembered at most; then all are forgotten.
    private static let maximumCount = 10_000

    private let told = Mutex<Set<String>>([])

    public init() {}

    /// Whether the sentence has not been told.
    public func isNew(_ sentence: String) -> Bool {
        self.told.withLock { told in
            if told.count >= Self.maximumCount { told = [] }
            return told.insert(sentence).inserted
        }
    }
}
