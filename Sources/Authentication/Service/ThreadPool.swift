import Threads

/// A bounded number of threads with a bounded queue for work that waits: slow hashes, name services.
///
/// `@unchecked`: the queue and both counters are touched only with the monitor's lock held.
final class ThreadPool: @unchecked Sendable {
    private let monitor = Monitor()
    private let maximumThreads: Int
    private let maximumQueue: Int
    private var queue: [@Sendable () -> Void] = []
    private var head = 0
    private var threads = 0
    private var idle = 0
    private var isStopped = false

    init(threads: Int, queue: Int) {
        self.maximumThreads = max(1, threads)
        self.maximumQueue = queue
    }

    /// Runs `work` when a thread is free; `false` when too much waits already.
    func submit(_ work: @escaping @Sendable () -> Void) -> Bool {
        let isTaken = self.monitor.lock.withLock {
            guard !self.isStopped, self.queue.count - self.head < self.maximumQueue else { return false }
            if self.idle <= self.queue.count - self.head, self.threads < self.maximumThreads {
                if Thread.detached("passwords", { self.run() }) { self.threads += 1 }
                guard self.threads > 0 else { return false }
            }
            self.queue.append(work)
            return true
        }
        if isTaken { self.monitor.wakeOne() }
        return isTaken
    }

    /// Ends the threads after what they are at; queued work is dropped.
    func stop() {
        self.monitor.lock.withLock {
            self.isStopped = true
            self.queue = []
            self.head = 0
        }
        self.monitor.wakeAll()
    }

    private func run() {
        while let work = self.next() { work() }
    }

    private func next() -> (@Sendable () -> Void)? {
        self.monitor.lock.withLock {
            while self.head == self.queue.count, !self.isStopped {
                self.idle += 1
                self.monitor.wait()
                self.idle -= 1
            }
            guard !self.isStopped else { return nil }
            let work = self.queue[self.head]
            // It holds a password.
            self.queue[self.head] = {}
            self.head += 1
            if self.head == self.queue.count {
                self.queue = []
                self.head = 0
            } else if self.head > 64, self.head * 2 > self.queue.count {
                self.queue.removeFirst(self.head)
                self.head = 0
            }
            return work
        }
    }
}
