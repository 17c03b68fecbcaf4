import Glibc

/// A bounded number of threads with a bounded queue for work that waits: slow hashes, name services.
///
/// `@unchecked`: the queue and both counters are touched only between `lock` and `unlock` of the mutex.
final class ThreadPool: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
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
        pthread_mutex_init(self.mutex, nil)
        pthread_cond_init(self.condition, nil)
    }

    deinit {
        pthread_cond_destroy(self.condition)
        pthread_mutex_destroy(self.mutex)
        self.condition.deallocate()
        self.mutex.deallocate()
    }

    /// Runs `work` when a thread is free; `false` when too much waits already.
    func submit(_ work: @escaping @Sendable () -> Void) -> Bool {
        pthread_mutex_lock(self.mutex)
        defer { pthread_mutex_unlock(self.mutex) }
        guard !self.isStopped, self.queue.count - self.head < self.maximumQueue else { return false }
        if self.idle <= self.queue.count - self.head, self.threads < self.maximumThreads {
            if Thread.start({ self.run() }) { self.threads += 1 }
            guard self.threads > 0 else { return false }
        }
        self.queue.append(work)
        pthread_cond_signal(self.condition)
        return true
    }

    /// Ends the threads after what they are at; queued work is dropped.
    func stop() {
        pthread_mutex_lock(self.mutex)
        self.isStopped = true
        self.queue = []
        self.head = 0
        pthread_cond_broadcast(self.condition)
        pthread_mutex_unlock(self.mutex)
    }

    private func run() {
        while let work = self.next() { work() }
    }

    private func next() -> (@Sendable () -> Void)? {
        pthread_mutex_lock(self.mutex)
        defer { pthread_mutex_unlock(self.mutex) }
        while self.head == self.queue.count, !self.isStopped {
            self.idle += 1
            pthread_cond_wait(self.condition, self.mutex)
            self.idle -= 1
        }
        guard !self.isStopped else { return nil }
        let work = self.queue[self.head]
        self.head += 1
        if self.head == self.queue.count {
            self.queue = []
            self.head = 0
        }
        return work
    }
}
