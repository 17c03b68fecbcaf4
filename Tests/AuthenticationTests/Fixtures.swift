import Authentication
import Glibc
import Synchronization
import TemporaryFiles

struct FixtureError: Error {
    let text: String
    init(_ text: String) { self.text = "\(text): \(String(cString: strerror(errno)))" }
}

extension TemporaryDirectory {
    func write(_ name: String, _ text: String) throws { try writeFile(self.path + "/" + name, text) }
}

/// A template of `%u`, `%n` and `%d`, as the configuration's language would make one.
func testTemplate(_ text: String) -> VariableTemplate {
    guard text.contains("%") else { return VariableTemplate(constant: text) }
    return VariableTemplate { value in
        let user = value("user") ?? ""
        let at = user.firstIndex(of: "@") ?? user.endIndex
        return text.replacing("%u", with: user).replacing("%n", with: user[..<at])
            .replacing("%d", with: user[at...].dropFirst())
    }
}

func writeFile(_ path: String, _ text: String) throws {
    guard let file = fopen(path, "w") else { throw FixtureError(path) }
    defer { fclose(file) }
    guard fputs(text, file) >= 0 else { throw FixtureError(path) }
}

final class LogCollector: Sendable {
    private let held = Mutex<[String]>([])
    var lines: [String] { self.held.withLock { $0 } }
    var add: @Sendable (AuthLogLevel, String) -> Void {
        { [self] _, text in self.held.withLock { $0.append(text) } }
    }
}

/// A socket bound in a temporary directory.
func listen(_ path: String) throws -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let fd = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
    let bound = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(fd, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
    guard fd >= 0, bound == 0, Glibc.listen(fd, 64) == 0 else { throw FixtureError(path) }
    return fd
}

/// An auth service on sockets in a temporary directory, on a thread of its own.
final class RunningService: Sendable {
    let directory: TemporaryDirectory
    let service: AuthService
    let log: LogCollector

    var clientPath: String { self.directory.path + "/client" }
    var userdbPath: String { self.directory.path + "/userdb" }
    var mailPath: String { self.directory.path + "/mail" }

    static let users = """
        ann:{PLAIN}apass:1000:1001::/home/ann::userdb_mail=maildir:~/M userdb_quota=1G color=blue
        slow:{BLF-CRYPT}$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW:1000:1000::/home/slow
        broken:{NONE}x:1000:1000
        nets:{PLAIN}x:1000:1000:::: allow_nets=192.0.2.0/24
        off:{PLAIN}x:1000:1000:::: user_disabled reason=Moved
        old:{PLAIN}x:1000:1000:::: pass_expired
        nolog:{PLAIN}x:1000:1000:::: nologin reason=Later
        free::1000:1000:::: nopassword
        free2:{PLAIN}x:1000:1000:::: nopassword
        empty::1000:1000
        root:{PLAIN}x:0:0
        orphan:{PLAIN}x
        alias:{PLAIN}x:1000:1000:::: user=ann
        lookup:{PLAIN}x:1000:1000:::: noauthenticate
        weak:{MD5-CRYPT}$1$saltstri$YMyguxXMBpd2TEZ.vS/3q1:1000:1000
        """

    /// `change` adapts a configuration with the users above and no delays.
    init(_ change: (inout AuthConfiguration) throws -> Void = { _ in }) throws {
        self.directory = try TemporaryDirectory()
        self.log = LogCollector()
        try self.directory.write("users", Self.users)
        var configuration = try Self.configuration(self.directory, self.log)
        try change(&configuration)
        self.service = AuthService(configuration: configuration, log: self.log.add)
        let kinds: [(String, AuthListener.Kind)] = [
            ("client", .client), ("userdb", .userdb), ("mail", .mail),
        ]
        let listeners = try kinds.map { [path = self.directory.path] kind in
            AuthListener(descriptor: try listen(path + "/" + kind.0), kind: kind.1)
        }
        let service = self.service
        startThread {
            service.run(listeners: listeners)
            // Not earlier: another test could get the number while the service still polls it.
            for listener in listeners { close(listener.descriptor) }
        }
    }

    static func configuration(_ directory: TemporaryDirectory, _ log: LogCollector) throws
        -> AuthConfiguration
    {
        let file = PasswdFileDatabase(path: testTemplate(directory.path + "/users"), log: log.add)
        var configuration = AuthConfiguration(
            passwordDatabases: [PasswordSource(file)], userDatabases: [UserSource(file)])
        configuration.failureDelay = 0
        configuration.cacheSize = 100
        return configuration
    }

    deinit {
        self.service.stop()
    }
}

func startThread(_ body: @escaping @Sendable () -> Void) {
    final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let started = pthread_create(
        &thread, nil,
        { context in
            if let context { Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body() }
            return nil
        }, Unmanaged.passRetained(Box(body)).toOpaque())
    if started == 0 { pthread_detach(thread) }
}

/// A client that writes and reads whole lines; reads give up after ten seconds.
final class RawClient {
    private let fd: Int32
    private var held: [UInt8] = []

    init(_ path: String) throws {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        self.fd = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(self.fd, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(self.fd, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        guard connected == 0 else { throw FixtureError(path) }
    }

    deinit { close(self.fd) }

    /// A client that has its greeting behind it.
    static func greeted(_ path: String) throws -> RawClient {
        let client = try RawClient(path)
        client.send("VERSION\t1\t2\nCPID\t\(getpid())")
        while let line = client.line(), line != "DONE" {}
        return client
    }

    func send(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = Glibc.send(self.fd, bytes, bytes.count, CInt(MSG_NOSIGNAL))
    }

    /// The next line; `nil` at the end of the connection.
    func line() -> String? {
        while true {
            if let end = self.held.firstIndex(of: 0x0A) {
                defer { self.held.removeSubrange(...end) }
                return String(decoding: self.held[..<end], as: UTF8.self)
            }
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = recv(self.fd, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            self.held.append(contentsOf: buffer[..<count])
        }
    }

    func ask(_ line: String) -> String? {
        self.send(line)
        return self.line()
    }
}
