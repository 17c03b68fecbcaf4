import Synchronization

/// The TLS context in force: replaced as a whole at a reload, while handshakes and sessions under way keep
/// theirs. From any thread.
public final class TLSContexts: Sendable {
    private let context: Mutex<TLSContext?>

    /// `nil`: TLS is not offered until a context comes.
    public init(_ context: TLSContext? = nil) { self.context = Mutex(context) }

    /// What a new handshake uses; `nil` while TLS is not configured.
    public var current: TLSContext? { self.context.withLock { $0 } }

    public func replace(with context: TLSContext?) { self.context.withLock { $0 = context } }
}
