import CLoad
import Glibc

/// A program that was started, and is ended by its number alone.
struct ChildProcess: Sendable {
    let pid: pid_t

    /// Starts a program in a session of its own, its output in a file.
    init(_ arguments: [String], output: String) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, load_spawn_session)
        var pointers = arguments.map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        pointers.append(nil)
        var pid: pid_t = 0
        let status = posix_spawnp(&pid, arguments[0], &actions, &attributes, pointers, environ)
        try check(status == 0, "cannot start \(arguments[0]): \(String(cString: strerror(status)))")
        self.pid = pid
    }

    /// Runs a program to its end.
    static func run(_ arguments: [String], output: String) throws {
        let child = try ChildProcess(arguments, output: output)
        var status: Int32 = 0
        while waitpid(child.pid, &status, 0) < 0, errno == EINTR {}
        try check(status == 0, "\(arguments.joined(separator: " ")): ended with status \(status), see \(output)")
    }

    var isRunning: Bool {
        var status: Int32 = 0
        return waitpid(self.pid, &status, WNOHANG) == 0
    }

    /// Asks it to end, and makes it after twenty seconds.
    func stop() {
        var status: Int32 = 0
        kill(self.pid, SIGTERM)
        for _ in 0..<400 {
            if waitpid(self.pid, &status, WNOHANG) != 0 { return }
            pause(milliseconds: 50)
        }
        kill(self.pid, SIGKILL)
        while waitpid(self.pid, &status, 0) < 0, errno == EINTR {}
    }
}
