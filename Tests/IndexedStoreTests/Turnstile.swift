import Threads
@testable import IndexedStore

/// Holds the one who comes for the n-th time until it is opened.
final class Turnstile: @unchecked Sendable {
    // Proof of Sendable: the fields are touched only with `monitor.lock` held.
    private let monitor = Monitor()
    private var left: Int
    private var isOpen = false
    private var holds = false

    /// - Parameter time: 1 for the first who comes; 0: nobody yet, see `arm`.
    init(_ time: Int = 1) { self.left = time }

    /// Counts from now on.
    func arm(_ time: Int) { self.monitor.lock.withLock { self.left = time } }

    func pass() {
        self.monitor.lock.withLock {
            guard !self.isOpen, self.left > 0 else { return }
            self.left -= 1
            guard self.left == 0 else { return }
            self.holds = true
            while !self.isOpen { self.monitor.wait() }
        }
    }

    /// Whether somebody waits here.
    var isHolding: Bool { self.monitor.lock.withLock { self.holds && !self.isOpen } }

    func open() {
        self.monitor.lock.withLock {
            self.isOpen = true
            self.monitor.wakeAll()
        }
    }
}

/// Lets others run until something is so.
func eventually(_ isSo: () -> Bool) async {
    while !isSo() { await Task.yield() }
}
