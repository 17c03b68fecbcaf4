import Synchronization

/// Says that nobody waits any more for what scripts and their programs do: the server stops, or the client is gone. They
/// end soon then, and the message is not taken.
public final class ScriptInterruption: Sendable {
    private let flag = Atomic(false)
    private let wider: ScriptInterruption?

    /// - Parameter wider: interrupts this one, too.
    public init(within wider: ScriptInterruption? = nil) { self.wider = wider }

    /// From any thread.
    public func interrupt() { self.flag.store(true, ordering: .releasing) }

    var isInterrupted: Bool { self.flag.load(ordering: .acquiring) || self.wider?.isInterrupted ?? false }
}
