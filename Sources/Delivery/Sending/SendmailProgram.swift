import CLinux
import Glibc
import MailStore

/// Runs a program with sendmail's interface: arguments, message on the standard input, exit status.
///
/// Waits for the program: for threads of its own.
struct SendmailProgram: Sendable {
    /// The program, absolute, and its first arguments; empty: there is none.
    let words: [String]
    let timeout: Duration

    init(_ words: [String], timeout: Duration) {
        self.words = words
        self.timeout = timeout
    }

    /// Octets of what the program prints that go into the log.
    private static let maximumOutput = 500

    /// Feeds a message to the program, with these further arguments, and waits for it. `.cannot` when it said that it is
    /// never going to take it, `.temporary` when it did not end well in time.
    func run(_ arguments: [String], _ next: () -> [UInt8]) throws(StoreError) {
        Self.blockBrokenPipeSignal()
        let process = try self.start(arguments)
        defer { process.close() }
        let deadline = ContinuousClock.now + self.timeout
        var input = process.input
        var output: [UInt8] = []
        var piece = next()
        var offset = 0
        var outputEnded = false
        while true {
            if let status = process.reap() {
                Self.read(process.output, into: &output)
                Self.closeOnce(&input)
                guard status == 0 else {
                    throw StoreError(
                        Self.isFinal(status) ? .cannot : .temporary,
                        "\(self.words.first ?? ""): \(Self.text(status))\(Self.printable(output))")
                }
                return
            }
            guard ContinuousClock.now < deadline else {
                process.kill()
                Self.closeOnce(&input)
                throw StoreError(.temporary, "\(self.words.first ?? "") did not end within \(self.timeout)")
            }
            var polls = [
                pollfd(fd: input, events: Int16(POLLOUT), revents: 0),
                pollfd(fd: outputEnded ? -1 : process.output, events: Int16(POLLIN), revents: 0),
            ]
            // A descriptor of -1 is passed over; the end of the program itself is looked for now and then.
            poll(&polls, 2, input < 0 && outputEnded ? 2 : 50)
            if polls[1].revents != 0 { outputEnded = Self.read(process.output, into: &output) }
            guard input >= 0, polls[0].revents != 0 else { continue }
            if offset == piece.count {
                piece = next()
                offset = 0
            }
            if piece.isEmpty {
                Self.closeOnce(&input)
                continue
            }
            let written = piece.withUnsafeBytes { bytes in
                Glibc.write(input, bytes.baseAddress.map { $0 + offset }, bytes.count - offset)
            }
            if written > 0 {
                offset += written
            } else if written < 0, errno != EAGAIN, errno != EINTR {
                // It does not want to read more; its exit status says why.
                Self.closeOnce(&input)
            }
        }
    }

    // MARK: The process

    private struct Process {
        let pid: pid_t
        /// Its standard input; ours to close.
        let input: CInt
        /// Its standard output and error.
        let output: CInt

        /// The wait status when it has ended.
        func reap() -> CInt? {
            var status: CInt = 0
            let answer = waitpid(self.pid, &status, WNOHANG)
            if answer == self.pid { return status }
            // Somebody else took the status, so nobody knows it: not a success.
            return answer < 0 && errno != EINTR ? 0x7F00 : nil
        }

        /// Ends it and what it has started.
        func kill() {
            Glibc.kill(-self.pid, SIGKILL)
            var status: CInt = 0
            while waitpid(self.pid, &status, 0) < 0, errno == EINTR {}
        }

        func close() { Glibc.close(self.output) }
    }

    private func start(_ arguments: [String]) throws(StoreError) -> Process {
        guard let program = self.words.first, program.hasPrefix("/") else {
            throw StoreError(.temporary, "\(self.words.first ?? "") is no program with an absolute path")
        }
        let (inputRead, inputWrite) = try Self.makePipe()
        let outputRead: CInt
        let outputWrite: CInt
        do throws(StoreError) {
            (outputRead, outputWrite) = try Self.makePipe()
        } catch {
            Glibc.close(inputRead)
            Glibc.close(inputWrite)
            throw error
        }
        defer {
            Glibc.close(inputRead)
            Glibc.close(outputWrite)
        }
        for descriptor in [inputWrite, outputRead] {
            _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        }

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, inputRead, 0)
        posix_spawn_file_actions_adddup2(&actions, outputWrite, 1)
        posix_spawn_file_actions_adddup2(&actions, outputWrite, 2)
        martlet_spawn_closes_others(&actions)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // The program begins with no signal blocked or ignored, and in a group of its own, which can be ended.
        var none = sigset_t()
        sigemptyset(&none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))

        var words: [UnsafeMutablePointer<CChar>?] = (self.words + arguments).map { strdup($0) }
        words.append(nil)
        var environment: [UnsafeMutablePointer<CChar>?] = [
            strdup("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), nil,
        ]
        defer {
            for word in words { free(word) }
            for word in environment { free(word) }
        }
        var pid = pid_t()
        let failure = posix_spawn(&pid, program, &actions, &attributes, &words, &environment)
        guard failure == 0 else {
            Glibc.close(inputWrite)
            Glibc.close(outputRead)
            throw StoreError(.temporary, "cannot start \(program): \(String(cString: strerror(failure)))")
        }
        return Process(pid: pid, input: inputWrite, output: outputRead)
    }

    private static func makePipe() throws(StoreError) -> (read: CInt, write: CInt) {
        var ends: [CInt] = [-1, -1]
        guard martlet_pipe2(&ends, O_CLOEXEC) == 0 else { throw StoreError.fromErrno("pipe") }
        return (ends[0], ends[1])
    }

    // MARK: Small things

    /// A program that stops reading must not end the daemon. The threads that run programs do nothing else, so
    /// the signal stays blocked on them.
    private static func blockBrokenPipeSignal() {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
    }

    private static func closeOnce(_ descriptor: inout CInt) {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    /// Takes what is there; `true` at the end.
    @discardableResult
    private static func read(_ descriptor: CInt, into output: inout [UInt8]) -> Bool {
        var piece = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = piece.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0 { return errno != EAGAIN && errno != EINTR }
            if count == 0 { return true }
            if output.count < self.maximumOutput { output.append(contentsOf: piece[..<count]) }
        }
    }

    /// Exit statuses of sysexits.h that no other day will change: bad data, no such user, host or service.
    private static func isFinal(_ status: CInt) -> Bool {
        status & 0x7F == 0 && [65, 67, 68, 69].contains(status >> 8 & 0xFF)
    }

    private static func text(_ status: CInt) -> String {
        status & 0x7F == 0 ? "exit status \(status >> 8 & 0xFF)" : "ended by signal \(status & 0x7F)"
    }

    private static func printable(_ output: [UInt8]) -> String {
        guard !output.isEmpty else { return "" }
        let text = String(decoding: output.prefix(self.maximumOutput), as: UTF8.self)
        return ": "
            + String(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : Character($0) })
    }
}
