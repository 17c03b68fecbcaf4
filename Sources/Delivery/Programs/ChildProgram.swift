import CLinux
import Glibc
import MailStore
import Synchronization

/// One run of a program: started, fed, listened to, waited for. Waits: for threads that may.
struct ChildProgram {
    /// Absolute, and its arguments behind it.
    var path: String
    var arguments: [String]
    /// `NAME=value`.
    var environment: [String]
    /// Where it begins.
    var directory: String?
    /// As whom it runs; `nil`: as this process.
    var owner: AccountIdentity.FileOwner?
    var timeout: Duration
    /// Octets of its output that are kept.
    var maximumOutput: Int

    struct Ending {
        /// The exit status; 128 and the signal's number for one that a signal ended.
        var status: Int
        var output: [UInt8]
        /// Whether there was more output than is kept.
        var isCut: Bool
        /// The beginning of what it printed as errors.
        var complaint: [UInt8]

        /// What it said: its errors, or else its output.
        var saying: [UInt8] { self.complaint.isEmpty ? self.output : self.complaint }

        /// How it ended and what it said, on one line.
        func text(_ saying: [UInt8]) -> String {
            guard !saying.isEmpty else { return "exit status \(self.status)" }
            let line = String(decoding: saying.prefix(ChildProgram.maximumComplaint), as: UTF8.self).unicodeScalars.map
            {
                $0.value < 0x20 || $0.value == 0x7F ? " " : Character($0)
            }
            return "exit status \(self.status): \(String(line))"
        }
    }

    /// Where programs that are not the user's choice find others.
    static let searchPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    private static let maximumComplaint = 1000

    /// `.temporary` when it cannot be started or takes too long; it is ended then, with what it has started.
    func run(
        _ input: consuming ProgramInput, until interruption: ScriptInterruption = ScriptInterruption()
    ) throws(StoreError) -> Ending {
        Self.blockBrokenPipeSignal()
        Self.reapLeftBehind()
        var pipes = Pipes()
        defer { pipes.close() }
        try pipes.open()
        let pid = try self.start(pipes)
        pipes.closeTheirs()
        let end = martlet_open_process(pid)
        defer { if end >= 0 { close(end) } }
        let deadline = ContinuousClock.now + self.timeout
        var ending = Ending(status: 0, output: [], isCut: false, complaint: [])
        var piece = input.next()
        var offset = 0
        while true {
            var status: CInt = 0
            let answer = waitpid(pid, &status, WNOHANG)
            if answer == pid || (answer < 0 && errno != EINTR) {
                // What it has written is there; descendants that live on may keep the pipes open.
                self.take(&pipes, &ending)
                // Nobody knows how it ended when somebody else took the status: no success.
                ending.status = answer == pid ? Self.code(status) : 127
                return ending
            }
            let left = deadline - ContinuousClock.now
            if interruption.isInterrupted {
                Self.end(pid)
                throw StoreError(.temporary, "\(self.path) was interrupted")
            }
            guard left > .zero else {
                Self.end(pid)
                throw StoreError(.temporary, "\(self.path) did not end within \(self.timeout)")
            }
            var polls = [
                pollfd(fd: pipes.input, events: Int16(POLLOUT), revents: 0),
                pollfd(fd: pipes.output, events: Int16(POLLIN), revents: 0),
                pollfd(fd: pipes.errors, events: Int16(POLLIN), revents: 0),
                pollfd(fd: end, events: Int16(POLLIN), revents: 0),
            ]
            // Without a descriptor for its end that is looked for now and then; as is whether anybody waits.
            let milliseconds = Int64(clamping: left.components.seconds) * 1000 + 1000
            poll(&polls, 4, end >= 0 ? CInt(clamping: min(milliseconds, 250)) : 20)
            self.take(&pipes, &ending)
            guard pipes.input >= 0, polls[0].revents != 0 else { continue }
            if offset == piece.count {
                piece = input.next()
                offset = 0
            }
            guard !piece.isEmpty else {
                Self.closeOnce(&pipes.input)
                continue
            }
            let written = piece.withUnsafeBytes { bytes in
                write(pipes.input, bytes.baseAddress.map { $0 + offset }, bytes.count - offset)
            }
            if written > 0 {
                offset += written
            } else if written < 0, errno != EAGAIN, errno != EINTR {
                // It does not want to read more; its exit status says whether that is fine.
                Self.closeOnce(&pipes.input)
            }
        }
    }

    private func start(_ pipes: Pipes) throws(StoreError) -> pid_t {
        var words: [UnsafeMutablePointer<CChar>?] = ([self.path] + self.arguments).map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] = self.environment.map { strdup($0) } + [nil]
        defer { for text in words + variables { free(text) } }
        // Root may act as anybody, but nothing that scripts ask for runs as root; nor does the mail role.
        let other = self.owner.flatMap { $0.uid == geteuid() && $0.gid == getegid() ? nil : $0 }
        let pid = [pipes.theirInput, pipes.theirOutput, pipes.theirErrors].withUnsafeBufferPointer { descriptors in
            martlet_start_program(
                self.path, &words, &variables, descriptors.baseAddress, self.directory, other == nil ? 0 : 1,
                other?.uid ?? 0, other?.gid ?? 0)
        }
        guard pid > 0 else {
            throw StoreError(.temporary, "cannot run \(self.path): \(String(cString: strerror(errno)))")
        }
        return pid
    }

    /// Ended programs whose status was not there yet.
    private static let leftBehind = Mutex<[pid_t]>([])

    /// Ends the program with what it has started, and takes its status, so that no zombie stays.
    private static func end(_ pid: pid_t) {
        _ = martlet_end_program(pid)
        var status: CInt = 0
        for _ in 0..<100 {
            let answer = waitpid(pid, &status, WNOHANG)
            if answer == pid || (answer < 0 && errno != EINTR) { return }
            usleep(10_000)
        }
        // It waits for a disk, perhaps; the next one that runs looks again.
        self.leftBehind.withLock { $0.append(pid) }
    }

    private static func reapLeftBehind() {
        self.leftBehind.withLock { pids in
            pids.removeAll { pid in
                var status: CInt = 0
                let answer = waitpid(pid, &status, WNOHANG)
                return answer == pid || (answer < 0 && errno != EINTR)
            }
        }
    }

    private func take(_ pipes: inout Pipes, _ ending: inout Ending) {
        if pipes.output >= 0, Self.read(pipes.output, into: &ending.output, self.maximumOutput, &ending.isCut) {
            Self.closeOnce(&pipes.output)
        }
        var isCut = false
        if pipes.errors >= 0, Self.read(pipes.errors, into: &ending.complaint, Self.maximumComplaint, &isCut) {
            Self.closeOnce(&pipes.errors)
        }
    }

    // MARK: Pipes

    private struct Pipes {
        /// Ours; -1 when closed.
        var input: CInt = -1
        var output: CInt = -1
        var errors: CInt = -1
        /// The program's ends.
        var theirInput: CInt = -1
        var theirOutput: CInt = -1
        var theirErrors: CInt = -1

        mutating func open() throws(StoreError) {
            (self.theirInput, self.input) = try Self.make()
            (self.output, self.theirOutput) = try Self.make()
            (self.errors, self.theirErrors) = try Self.make()
            for end in [self.input, self.output, self.errors] {
                _ = fcntl(end, F_SETFL, fcntl(end, F_GETFL) | O_NONBLOCK)
            }
        }

        private static func make() throws(StoreError) -> (read: CInt, write: CInt) {
            var ends: [CInt] = [-1, -1]
            guard martlet_pipe2(&ends, O_CLOEXEC) == 0 else { throw StoreError.fromErrno("pipe") }
            return (ends[0], ends[1])
        }

        mutating func closeTheirs() {
            ChildProgram.closeOnce(&self.theirInput)
            ChildProgram.closeOnce(&self.theirOutput)
            ChildProgram.closeOnce(&self.theirErrors)
        }

        mutating func close() {
            self.closeTheirs()
            ChildProgram.closeOnce(&self.input)
            ChildProgram.closeOnce(&self.output)
            ChildProgram.closeOnce(&self.errors)
        }
    }

    static func closeOnce(_ descriptor: inout CInt) {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    /// Takes what is there, up to `maximum` octets in all; `true` at the end. Of one who writes without end no more at
    /// a time than a pipe can hold, so that its time can pass.
    static func read(
        _ descriptor: CInt, into output: inout [UInt8], _ maximum: Int, _ isCut: inout Bool
    ) -> Bool {
        var piece = [UInt8](repeating: 0, count: 16_384)
        for _ in 0..<Self.piecesAtOnce {
            let count = piece.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0 { return errno != EAGAIN && errno != EINTR }
            if count == 0 { return true }
            let room = min(count, max(0, maximum - output.count))
            if room < count { isCut = true }
            output.append(contentsOf: piece[..<room])
        }
        return false
    }

    /// Together 1 MiB, the most that a pipe takes of one who is not root.
    private static let piecesAtOnce = 64

    /// A program that stops reading must not end the daemon. The threads that run programs do nothing else, so the
    /// signal stays blocked on them.
    static func blockBrokenPipeSignal() {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
    }

    private static func code(_ status: CInt) -> Int {
        status & 0x7F == 0 ? Int(status >> 8 & 0xFF) : 128 + Int(status & 0x7F)
    }
}
