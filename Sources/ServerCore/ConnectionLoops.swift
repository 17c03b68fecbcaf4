public import NIOCore
import NIOPosix
import Synchronization

/// The event loops that carry connections, one thread each, with their executors.
public final class ConnectionLoops: Sendable {
    public let group: any EventLoopGroup
    private let executors: [ObjectIdentifier: LoopExecutor]
    private let counter = Atomic<UInt64>(0)

    /// `threads`: how many; one per core as a rule.
    public convenience init(threads: Int = System.coreCount) {
        self.init(MultiThreadedEventLoopGroup(numberOfThreads: max(1, threads)))
    }

    /// On loops that exist already.
    public init(_ group: any EventLoopGroup) {
        self.group = group
        var executors: [ObjectIdentifier: LoopExecutor] = [:]
        for loop in group.makeIterator() { executors[ObjectIdentifier(loop)] = LoopExecutor(loop) }
        self.executors = executors
    }

    /// The executor of one of the group's loops.
    public func executor(for loop: any EventLoop) -> LoopExecutor {
        self.executors[ObjectIdentifier(loop)] ?? LoopExecutor(loop)
    }

    /// The next loop in turn, for work that belongs to no connection.
    public func next() -> LoopExecutor { self.executor(for: self.group.next()) }

    func nextConnectionID() -> UInt64 { self.counter.wrappingAdd(1, ordering: .relaxed).newValue }

    /// Ends the threads, after all channels are closed.
    public func shutdown() async { try? await self.group.shutdownGracefully() }
}
