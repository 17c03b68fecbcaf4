import CLinux
import Glibc
import Threads

/// A program with sendmail's interface, run for one mail. Waits for it.
struct SendmailCommand: Sendable {
    /// The program, absolute, and its first arguments.
    var words: [String]
    /// Milliseconds.
    var timeout: Int64

    private struct Refused: Error {}

    /// Its exit status, and what it printed.
    func run(_ arguments: [String], input: CInt) -> (status: UInt8, text: String) {
        guard let program = self.words.first else { return (78, "sendmail_path is empty") }
        guard case .success((let pid, let end)) = self.start(program, self.words + arguments, input) else {
            return (75, "cannot start \(program): \(String(cString: strerror(errno)))")
        }
        defer { close(end) }
        let deadline = SteadyClock.milliseconds() + self.timeout
        guard let output = Self.collect(end, until: deadline), let status = Self.wait(for: pid, until: deadline) else {
            kill(-pid, SIGKILL)
            _ = Self.wait(for: pid, until: nil)
            return (75, "did not end within \(self.timeout / 1000) seconds")
        }
        return (status & 0x7F == 0 ? UInt8((status >> 8) & 0xFF) : 75, output)
    }

    private func start(_ program: String, _ words: [String], _ input: CInt) -> Result<(pid_t, CInt), Refused> {
        var ends: [CInt] = [0, 0]
        guard martlet_pipe2(&ends, O_CLOEXEC) == 0 else { return .failure(Refused()) }
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        posix_spawn_file_actions_adddup2(&actions, input, 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 2)
        martlet_spawn_closes_others(&actions)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        var pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        var environment: [UnsafeMutablePointer<CChar>?] = [
            strdup("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), nil,
        ]
        defer { for pointer in pointers + environment { free(pointer) } }
        pointers.append(nil)
        var pid = pid_t()
        let failure = posix_spawn(&pid, program, &actions, &attributes, &pointers, &environment)
        close(ends[1])
        guard failure == 0 else {
            close(ends[0])
            errno = failure
            return .failure(Refused())
        }
        return .success((pid, ends[0]))
    }

    /// What the program prints until it closes its output; `nil` when it has not by the deadline.
    private static func collect(_ descriptor: CInt, until deadline: Int64) -> String? {
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let left = deadline - SteadyClock.milliseconds()
            guard left > 0 else { return nil }
            var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&polled, 1, CInt(clamping: left)) > 0 else { continue }
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            if output.count < SubmitStream.maximumText { output.append(contentsOf: buffer[..<count]) }
        }
        return String(decoding: output.prefix(SubmitStream.maximumText), as: UTF8.self)
    }

    /// The program's wait status; `nil` when it has not ended by the deadline. It may have closed its output long before.
    private static func wait(for pid: pid_t, until deadline: Int64?) -> CInt? {
        var status: CInt = 0
        while true {
            let found = waitpid(pid, &status, deadline == nil ? 0 : WNOHANG)
            if found == pid { return status }
            if found < 0, errno != EINTR { return nil }
            if let deadline, SteadyClock.milliseconds() >= deadline { return nil }
            if found == 0 { usleep(2000) }
        }
    }
}
