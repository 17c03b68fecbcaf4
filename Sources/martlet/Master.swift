import AdminCommands
import Glibc
import ServerConfig

/// The daemon's supervisor process, known by its pid file.
final class Master {
    /// The pid file, which the process holds locked as long as it lives.
    private let file: CInt
    private let path: String
    private let pid: pid_t

    convenience init(_ global: GlobalOptions) throws(AdminError) {
        let configuration = try LoadedConfiguration.load(global.configuration)
        try self.init(file: configuration.settings.general.baseDirectory + "/master.pid")
    }

    /// Throws when no daemon runs.
    init(file path: String) throws(AdminError) {
        self.path = path
        self.file = open(path, O_RDONLY | O_CLOEXEC)
        self.pid = try Self.holder(of: self.file, path)
    }

    deinit { close(self.file) }

    /// The process that the file names and that holds it. Closes the file when there is none.
    private static func holder(of file: CInt, _ path: String) throws(AdminError) -> pid_t {
        guard file >= 0 else {
            let reason = errno == ENOENT ? "no \(path)" : "cannot read \(path): \(String(cString: strerror(errno)))"
            throw AdminError(.unavailable, "the daemon is not running (\(reason))")
        }
        do throws(AdminError) {
            // One that was killed leaves its number behind, which may be anybody's by now.
            guard try self.isHeld(file, path) else {
                throw AdminError(
                    .unavailable,
                    "the daemon is not running (\(path) is stale: no process holds its lock); no process was signalled")
            }
            var octets = [UInt8](repeating: 0, count: 32)
            let count = pread(file, &octets, octets.count, 0)
            let line = octets.prefix(max(0, count)).prefix { $0 != 0x0A }
            guard let pid = pid_t(String(decoding: line, as: UTF8.self)), pid > 1 else {
                throw AdminError(.temporary, "the daemon is just starting (\(path) names no process yet)")
            }
            return pid
        } catch {
            close(file)
            throw error
        }
    }

    /// Whether a daemon has the file locked.
    private static func isHeld(_ file: CInt, _ path: String) throws(AdminError) -> Bool {
        if flock(file, LOCK_SH | LOCK_NB) == 0 {
            // A daemon that is just starting must not take this for another one.
            flock(file, LOCK_UN)
            return false
        }
        guard errno == EWOULDBLOCK else {
            throw AdminError(
                .temporary, "cannot see whether the daemon runs: lock of \(path): \(String(cString: strerror(errno)))")
        }
        return true
    }

    func signal(_ number: CInt) throws(AdminError) {
        guard kill(self.pid, number) == 0 else {
            throw AdminError(.noPermission, "signal process \(self.pid): \(String(cString: strerror(errno)))")
        }
    }

    /// Waits until the process is gone, at most 30 seconds.
    func waitForEnd() throws(AdminError) {
        for _ in 0..<300 {
            guard try Self.isHeld(self.file, self.path) else { return }
            usleep(100_000)
        }
        throw AdminError(.temporary, "process \(self.pid) has not ended within 30 seconds")
    }
}
