import Glibc

/// How a PAM worker is started.
public struct AuthWorkerLauncher: Sendable {
    /// A started worker: the auth role's end of its socket, and the process if it is one of its own.
    package struct Worker: Sendable {
        package var descriptor: CInt
        package var process: Int32?

        package init(descriptor: CInt, process: Int32?) {
            self.descriptor = descriptor
            self.process = process
        }
    }

    package let launch: @Sendable () -> Worker?

    package init(launch: @escaping @Sendable () -> Worker?) { self.launch = launch }

    /// Runs a program, its path first, which calls `AuthWorker.run(AuthWorker.descriptor)`.
    public static func spawn(_ command: [String]) -> AuthWorkerLauncher {
        AuthWorkerLauncher { Self.start(command) }
    }

    private static func start(_ command: [String]) -> Worker? {
        // The child's end blocks: a worker does one thing at a time.
        guard let path = command.first, let (ours, theirs) = UnixSocket.pair(nonBlocking: false) else {
            return nil
        }
        defer { close(theirs) }
        _ = fcntl(ours, F_SETFL, O_NONBLOCK)
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        posix_spawn_file_actions_adddup2(&actions, theirs, AuthWorker.descriptor)
        // Signals that the auth role blocks or ignores must reach PAM's modules and their children as usual.
        var none = sigset_t()
        sigemptyset(&none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF))
        var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
        defer { for argument in arguments { free(argument) } }
        arguments.append(nil)
        var process = pid_t()
        guard posix_spawn(&process, path, &actions, &attributes, arguments, environ) == 0 else {
            close(ours)
            return nil
        }
        return Worker(descriptor: ours, process: process)
    }
}
