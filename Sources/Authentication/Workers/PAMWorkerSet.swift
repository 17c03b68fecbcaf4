import Glibc

/// The PAM worker processes of the auth role. Belongs to the service's thread.
///
/// A login waits in a queue until a worker is free; a worker that takes too long is killed and its login fails
/// as temporary, so that one hanging module holds up one login and one worker only.
struct PAMWorkerSet {
    struct Job {
        var token: UInt64
        var service: String
        var user: String
        var remoteAddress: String?
        var password: [UInt8]
    }

    private struct Worker {
        var descriptor: CInt
        var process: Int32?
        var splitter = AuthLineSplitter()
        var served = 0
        /// The login it is at, and when it has to be done.
        var work: (token: UInt64, deadline: Ticks)?
    }

    private static let maximumQueue = 1000

    private var workers: [Worker] = []
    private var queue: [Job] = []
    /// Killed processes that were not yet waited for.
    private var dead: [Int32] = []
    private var launchFailed = false

    var descriptors: [CInt] { self.workers.map(\.descriptor) }
    var needsTicks: Bool {
        !self.dead.isEmpty || !self.queue.isEmpty || self.workers.contains { $0.work != nil }
    }

    /// Queues a login; `false` when too many wait.
    mutating func submit(_ job: Job, _ configuration: AuthConfiguration) -> [(UInt64, PAMAnswer)] {
        guard self.queue.count < Self.maximumQueue else {
            return [(job.token, .refused(.temporary, "too many PAM logins wait"))]
        }
        self.queue.append(job)
        return self.dispatch(configuration)
    }

    /// Forgets a login that nobody waits for any more; one that runs goes on and its answer is ignored.
    mutating func cancel(_ token: UInt64) { self.queue.removeAll { $0.token == token } }

    /// Reads from a worker's descriptor that poll(2) reported.
    mutating func readable(_ fd: CInt, _ configuration: AuthConfiguration) -> [(UInt64, PAMAnswer)] {
        guard let index = self.workers.firstIndex(where: { $0.descriptor == fd }) else { return [] }
        var answers: [(UInt64, PAMAnswer)] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = buffer.withUnsafeMutableBytes { recv(fd, $0.baseAddress, $0.count, 0) }
        if count < 0, errno == EAGAIN || errno == EINTR { return [] }
        var lines: [AuthLine] = []
        var worker = self.workers[index]
        let fits = count > 0 && worker.splitter.feed(buffer[..<max(0, count)]) { lines.append(AuthLine($0)) }
        for line in lines {
            guard let (token, answer) = AuthWorker.reply(line), token == worker.work?.token else { continue }
            worker.work = nil
            worker.served += 1
            answers.append((token, answer))
        }
        self.workers[index] = worker
        if !fits {
            if let token = self.remove(index) {
                answers.append((token, .refused(.temporary, "PAM worker died")))
            }
        } else if worker.work == nil, worker.served >= configuration.pamWorkerRequests {
            _ = self.remove(index)
        }
        return answers + self.dispatch(configuration)
    }

    /// Kills workers that are overdue and collects dead ones. To be called about once a second.
    mutating func tick(_ now: Ticks, _ configuration: AuthConfiguration) -> [(UInt64, PAMAnswer)] {
        var answers: [(UInt64, PAMAnswer)] = []
        for index in self.workers.indices.reversed() {
            if let work = self.workers[index].work, work.deadline <= now {
                if let token = self.remove(index) {
                    answers.append((token, .refused(.temporary, "PAM did not answer in time")))
                }
            }
        }
        self.dead.removeAll { waitpid($0, nil, WNOHANG) != 0 }
        self.launchFailed = false
        return answers + self.dispatch(configuration)
    }

    /// Ends all workers.
    mutating func stop() {
        self.queue = []
        while !self.workers.isEmpty { _ = self.remove(self.workers.count - 1) }
        for process in self.dead { waitpid(process, nil, 0) }
        self.dead = []
    }

    private mutating func dispatch(_ configuration: AuthConfiguration) -> [(UInt64, PAMAnswer)] {
        var answers: [(UInt64, PAMAnswer)] = []
        while let job = self.queue.first, let index = self.freeWorker(configuration) {
            self.queue.removeFirst()
            let line = AuthWorker.request(
                id: job.token, service: job.service, user: job.user, remoteAddress: job.remoteAddress,
                password: job.password)
            // A free worker's socket is empty, and a line fits into it.
            let sent = line.withUnsafeBytes {
                send(self.workers[index].descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
            }
            guard sent == line.count else {
                _ = self.remove(index)
                answers.append((job.token, .refused(.temporary, "PAM worker does not read")))
                continue
            }
            self.workers[index].work = (job.token, Ticks.now + configuration.pamTimeout * 1000)
        }
        // Nobody is there and nobody can be started: say so at once.
        if self.workers.isEmpty, self.launchFailed {
            for job in self.queue {
                answers.append((job.token, .refused(.temporary, "no PAM worker can be started")))
            }
            self.queue = []
        }
        return answers
    }

    private mutating func freeWorker(_ configuration: AuthConfiguration) -> Int? {
        if let index = self.workers.firstIndex(where: { $0.work == nil }) { return index }
        guard self.workers.count < max(1, configuration.pamWorkers), !self.launchFailed else { return nil }
        guard let started = configuration.launchWorker.launch() else {
            self.launchFailed = true
            return nil
        }
        self.workers.append(Worker(descriptor: started.descriptor, process: started.process))
        return self.workers.count - 1
    }

    /// Ends a worker; the token of the login it was at.
    private mutating func remove(_ index: Int) -> UInt64? {
        let worker = self.workers.remove(at: index)
        close(worker.descriptor)
        if let process = worker.process {
            kill(process, SIGKILL)
            if waitpid(process, nil, WNOHANG) == 0 { self.dead.append(process) }
        }
        return worker.work?.token
    }
}
