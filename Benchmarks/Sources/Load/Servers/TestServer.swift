import Glibc
import Synchronization

/// A server that is measured.
final class TestServer: Sendable {
    enum Kind: String, Sendable, CaseIterable {
        case pack = "martlet-pack"
        case maildir = "martlet-maildir"
        case dovecot = "dovecot"
    }

    struct Ports: Sendable {
        var imap: UInt16
        var imaps: UInt16
        var pop3: UInt16
        var lmtp: UInt16

        /// Four that follow each other.
        init(from first: UInt16) {
            self.imap = first
            self.imaps = first + 1
            self.pop3 = first + 2
            self.lmtp = first + 3
        }
    }

    static let users = 200
    static let password = "secret"

    static func user(_ number: Int) -> String {
        let digits = String(number % self.users)
        return "user" + String(repeating: "0", count: 3 - digits.utf8.count) + digits
    }

    let kind: Kind
    /// Mail, settings and logs.
    let directory: String
    let ports: Ports
    private let process: Mutex<ChildProcess>
    private let command: [String]

    var tree: ProcessTree { ProcessTree(root: self.process.withLock { $0.pid }) }

    /// Starts a server without any mail.
    init(_ kind: Kind, in work: String, martletd: String, firstPort: UInt16) throws {
        let directory = work + "/" + kind.rawValue
        try Files.removeTree(directory)
        try Files.makeDirectory(directory)
        // Whoever owns the mail must get there.
        chmod(directory, 0o755)
        let ports = Ports(from: firstPort)
        for port in [ports.imap, ports.imaps, ports.pop3, ports.lmtp] {
            try check((try? Connection(port: port)) == nil, "somebody else listens on port \(port)")
        }
        try ChildProcess.run(
            [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-days",
                "30", "-subj", "/CN=localhost", "-keyout", directory + "/key.pem", "-out", directory + "/cert.pem",
            ], output: directory + "/openssl.log")
        switch kind {
        case .pack, .maildir:
            let settings = try MartletSettings.write(directory, ports, kind)
            self.command = [martletd, "-F", "-c", settings]
        case .dovecot:
            let settings = try DovecotSettings.write(directory, ports)
            self.command = ["dovecot", "-F", "-c", settings]
        }
        self.kind = kind
        self.directory = directory
        self.ports = ports
        self.process = Mutex(try ChildProcess(self.command, output: directory + "/output.log"))
        try self.awaitPorts()
    }

    func stop() {
        let process = self.process.withLock { $0 }
        process.stop()
    }

    /// Ends it and starts it again on the same mail.
    func restart() throws {
        self.stop()
        let process = try ChildProcess(self.command, output: self.directory + "/output.log")
        self.process.withLock { $0 = process }
        try self.awaitPorts()
    }

    private func awaitPorts() throws {
        for port in [self.ports.imap, self.ports.lmtp] {
            var isOpen = false
            for _ in 0..<200 where !isOpen {
                if (try? Connection(port: port)) != nil {
                    isOpen = true
                } else {
                    try check(
                        self.process.withLock { $0.isRunning }, "\(self.kind.rawValue) has ended, see \(self.directory)"
                    )
                    pause(milliseconds: 50)
                }
            }
            if !isOpen { self.stop() }
            try check(isOpen, "\(self.kind.rawValue) does not listen on port \(port), see \(self.directory)")
        }
    }
}
