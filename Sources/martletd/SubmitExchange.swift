import Glibc
import MailCore
import ServerConfig
import Submission
import Synchronization

/// One message on its way to the site's MTA, over a unix socket between the mail role and the submit role.
///
/// ```
/// C: length of the arguments (4 octets), arguments (count, then texts as `MailCore` writes them)
/// C: chunks of the message: length (4 octets), octets; a length of 0 ends it
/// S: exit status (1 octet), what the program printed
/// ```
/// A message whose end does not come is not sent: half a message is worse than none.
enum SubmitExchange {
    private static let maximumArguments = 64 * 1024
    private static let maximumChunk = 1 << 20
    private static let maximumOutput = 1000
    /// Seconds for a peer or program that does not go on.
    private static let patience = 60

    // MARK: submit role

    static func serve(_ connection: CInt, _ command: SubmitCommand.Value) {
        var patience = timeval(tv_sec: self.patience, tv_usec: 0)
        setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        guard let length = self.readLength(connection), length <= self.maximumArguments,
            let bytes = self.readExactly(connection, length),
            let arguments = bytes.withUnsafeBytes({ self.arguments($0) })
        else { return }
        let spool = self.makeSpool()
        defer { if spool >= 0 { close(spool) } }
        guard spool >= 0 else { return self.reply(connection, 75, "cannot make a temporary file") }
        var total: UInt64 = 0
        while true {
            guard let length = self.readLength(connection), length <= self.maximumChunk else { return }
            if length == 0 { break }
            guard let chunk = self.readExactly(connection, length) else { return }
            total += UInt64(length)
            guard total <= command.maximumSize else {
                return self.reply(connection, 69, "message is too large")
            }
            guard self.writeAll(spool, chunk) else {
                return self.reply(connection, 75, "temporary file: disk full")
            }
        }
        // Who has given up meanwhile asks again later: the message must not go out for nobody.
        var octet: UInt8 = 0
        guard recv(connection, &octet, 1, CInt(MSG_PEEK) | CInt(MSG_DONTWAIT)) != 0 else { return }
        lseek(spool, 0, SEEK_SET)
        let (status, output) =
            command.submission?.run(arguments, input: spool)
            ?? self.runProgram(command.words + arguments, input: spool, timeout: command.timeout)
        self.reply(connection, status, output)
    }

    private static func arguments(_ bytes: UnsafeRawBufferPointer) -> [String]? {
        var reader = ByteReader(bytes)
        guard let count = reader.readVarint(), count <= 1000 else { return nil }
        var words: [String] = []
        for _ in 0..<count {
            guard let word = reader.readText(), !word.utf8.contains(0) else { return nil }
            words.append(word)
        }
        return words
    }

    private static func makeSpool() -> CInt {
        var name = [CChar]("/tmp/martlet-submit-XXXXXX".utf8CString)
        let descriptor = mkstemp(&name)
        guard descriptor >= 0 else { return -1 }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        unlink(name)
        return descriptor
    }

    private static func runProgram(
        _ words: [String], input: CInt, timeout: Int64
    ) -> (status: UInt8, output: String) {
        guard let program = words.first else { return (78, "sendmail_path is empty") }
        // A program that another thread starts between a pipe's making and its flag would hold the pipe open.
        let started = self.starting.withLock { _ in self.start(program, words, input) }
        guard case .success((let pid, let end)) = started else {
            return (75, "cannot start \(program): \(String(cString: strerror(errno)))")
        }
        defer { close(end) }
        let output = self.collect(end, pid, timeout)
        var status: CInt = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return (status & 0x7F == 0 ? UInt8((status >> 8) & 0xFF) : 75, output)
    }

    private static let starting = Mutex(())

    private struct Refused: Error {}

    private static func start(
        _ program: String, _ words: [String], _ input: CInt
    ) -> Result<(pid_t, CInt), Refused> {
        var ends: [CInt] = [0, 0]
        guard pipe(&ends) == 0 else { return .failure(Refused()) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
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

    /// What the program prints until its end; kills it when it takes too long.
    private static func collect(_ descriptor: CInt, _ pid: pid_t, _ timeout: Int64) -> String {
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        let deadline = Monotonic.milliseconds() + timeout
        while true {
            let left = deadline - Monotonic.milliseconds()
            var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            if left <= 0 || poll(&polled, 1, CInt(clamping: left)) == 0 {
                kill(-pid, SIGKILL)
                return "did not end within \(timeout / 1000) seconds"
            }
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            if output.count < self.maximumOutput { output.append(contentsOf: buffer[..<count]) }
        }
        return String(decoding: output.prefix(self.maximumOutput), as: UTF8.self)
    }

    private static func reply(_ connection: CInt, _ status: UInt8, _ output: String) {
        _ = self.writeAll(connection, [status] + [UInt8](output.utf8))
    }

    // MARK: mail role

    /// The command that stands in for `sendmail_path`.
    static func command(_ settings: Settings) -> [String] {
        ["/proc/self/exe", "--role=submit-client", settings.general.baseDirectory + "/submit"]
    }

    /// `martletd --role=submit-client`, which the mail role runs in the program's place: passes arguments and
    /// standard input on, and ends as the program did.
    static func submit(socket path: String, arguments: [String]) -> Never {
        Signals.pass(SIGPIPE)
        guard let connection = self.connect(path) else {
            Complaint.write("submit role: \(String(cString: strerror(errno)))")
            exit(75)
        }
        var words: [UInt8] = []
        words.appendVarint(UInt64(arguments.count))
        for argument in arguments { words.appendText(argument) }
        var fits = self.writeAll(connection, self.length(words.count) + words)
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        while fits {
            let count = read(0, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { exit(74) }
            fits = self.writeAll(connection, self.length(count) + buffer[..<count])
            if count == 0 { break }
        }
        var answer: [UInt8] = []
        while answer.count <= self.maximumOutput {
            let count = read(connection, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            answer.append(contentsOf: buffer[..<count])
        }
        guard let status = answer.first else {
            Complaint.write("submit role ended the connection")
            exit(75)
        }
        _ = self.writeAll(1, [UInt8](answer.dropFirst()))
        exit(CInt(status))
    }

    private static func connect(_ path: String) -> CInt? {
        let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = [UInt8](path.utf8)
        guard descriptor >= 0, bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        return result == 0 ? descriptor : nil
    }

    // MARK: octets

    private static func length(_ count: Int) -> [UInt8] {
        var out: [UInt8] = []
        out.appendLittleEndian(UInt32(clamping: count))
        return out
    }

    private static func readLength(_ descriptor: CInt) -> Int? {
        self.readExactly(descriptor, 4).map { bytes in
            bytes.indices.reduce(0) { $0 | Int(bytes[$1]) << (8 * $1) }
        }
    }

    private static func readExactly(_ descriptor: CInt, _ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var position = 0
        while position < count {
            let got = bytes.withUnsafeMutableBytes { space in
                read(descriptor, space.baseAddress.map { $0 + position }, count - position)
            }
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { return nil }
            position += got
        }
        return bytes
    }

    private static func writeAll(_ descriptor: CInt, _ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { bytes in
            var position = 0
            while position < bytes.count {
                let count = write(descriptor, bytes.baseAddress.map { $0 + position }, bytes.count - position)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                position += count
            }
            return true
        }
    }
}
