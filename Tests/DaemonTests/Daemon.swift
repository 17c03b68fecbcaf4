import Glibc
import MailCore
import Synchronization
import TranscriptKit

/// A martletd of the tests' own: a temporary directory, high ports, accounts `t0001` to `t0999`, password `pass`.
///
/// Started once by the first test that needs it and ended with the test process.
final class Daemon: Sendable {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    let directory: String
    let processID: pid_t
    let ports: [String: UInt16]
    private let accountsGiven = Mutex(0)

    private static let started = Mutex<[Site: Result<Daemon, Failure>]>([:])

    /// What is configured beside what all have.
    enum Site: Hashable {
        case plain
        /// Access control lists, with namespaces `shared/$user/` and `Public/`. Every third account is in the group
        /// `staff` and has its mail in packs.
        case sharing
        /// All mail in packs, with namespaces `Archive/` and `Public/` of which the root has no list.
        case packs
        /// Sieve on IMAP events: `Transcripts/events/*.sieve` attached to mailboxes, and users' own by ManageSieve.
        case events

        fileprivate var settings: String {
            switch self {
            case .plain: ""
            case .events:
                """
                imapsieve_url = sieve://127.0.0.1
                sendmail_path = @/scripts/sendmail
                junk_header = X-Spam: Yes
                namespace inbox {
                  mailbox Junk {
                    special_use = \\Junk
                    auto = create
                  }
                  mailbox Tagged {
                    aliases = Labelled
                    sieve_script tag {
                      type = before
                      cause = append copy flag
                      path = @/scripts/tag.sieve
                    }
                  }
                  mailbox Late {
                    sieve_script late {
                      type = after
                      cause = append
                      path = @/scripts/tag.sieve
                    }
                  }
                  mailbox Target {
                    imapsieve_from Origin {
                      sieve_script from {
                        cause = copy
                        path = @/scripts/tag.sieve
                      }
                    }
                  }
                }
                imapsieve_from Spring {
                  sieve_script source {
                    type = copy-source-after
                    cause = copy
                    path = @/scripts/tag.sieve
                  }
                }

                """
            case .packs:
                """
                mail_driver = pack
                acl_driver = vfile
                acl_defaults_from_inbox = yes
                acl_global_path = @/lists
                namespace archive {
                  separator = /
                  prefix = Archive/
                  mail_path = ~/archive
                }
                namespace public {
                  type = public
                  separator = /
                  prefix = Public/
                  mail_path = @/home/public
                  subscriptions = no
                  list = children
                }

                """
            case .sharing:
                """
                acl_driver = vfile
                acl_global_path = @/lists
                imap_urlauth_host = mail.test
                imap_urlauth_submit_user = submit
                namespace shared {
                  type = shared
                  separator = /
                  prefix = shared/$user/
                  list = children
                }
                namespace public {
                  type = public
                  separator = /
                  prefix = Public/
                  mail_path = @/home/public
                  private_flags = seen-and-keywords
                  subscriptions = no
                  list = children
                }

                """
            }
        }
    }

    static func shared(_ site: Site = .plain) throws -> Daemon {
        try self.started.withLock { started in
            if let started = started[site] { return try started.get() }
            let result = self.start(site)
            started[site] = result
            return try result.get()
        }
    }

    /// A daemon ends with the thread that started it, so that is one that never ends.
    private static func start(_ site: Site) -> Result<Daemon, Failure> {
        let box = Unmanaged.passRetained(StartBox(site))
        var thread = pthread_t()
        let failed = pthread_create(
            &thread, nil,
            { raw in
                guard let raw else { return nil }
                let box = Unmanaged<StartBox>.fromOpaque(raw).takeUnretainedValue()
                let result: Result<Daemon, Failure>
                do throws(Failure) { result = .success(try Daemon(box.site)) } catch { result = .failure(error) }
                box.result.withLock { $0 = result }
                while true { pause() }
            }, box.toOpaque())
        guard failed == 0 else { return .failure(Failure(description: "no thread: errno \(failed)")) }
        while true {
            if let result = box.takeUnretainedValue().result.withLock({ $0 }) { return result }
            usleep(1000)
        }
    }

    private final class StartBox: Sendable {
        let site: Site
        let result = Mutex<Result<Daemon, Failure>?>(nil)

        init(_ site: Site) { self.site = site }
    }

    static let packageRoot: String = {
        var parts = #filePath.split(separator: "/")
        parts.removeLast(3)
        return "/" + parts.joined(separator: "/")
    }()

    /// `martletd` lies beside the test program.
    private static var executable: String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let path = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return path.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/martletd"
    }

    private init(_ site: Site) throws(Failure) {
        var template = Array("/tmp/martlet-test.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure(description: "mkdtemp: errno \(errno)") }
        let directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // Mail roles that give up root must reach their files below.
        chmod(directory, 0o755)
        self.directory = directory
        let imap = try Self.freePort()
        // Conversations about sharing are IMAP's.
        self.ports = [
            "imap": imap, "sharing": imap, "packs": imap, "events": imap,
            "sieve": try Self.freePort(), "pop3": try Self.freePort(),
            "lmtp": try Self.freePort(),
        ]
        var users = ""
        for number in 1...999 {
            let name = Self.accountName(number)
            var groups = ""
            if number % 3 == 0 {
                groups = "userdb_acl_groups=staff,others"
                if site == .sharing { groups += " userdb_mail_driver=pack" }
            }
            users += "\(name):{PLAIN}pass:\(Self.mailUID):\(Self.mailGID)::\(directory)/home/\(name)::\(groups)\n"
            // Accounts that hold 10 KiB and five messages, and administrators.
            for (name, field) in [
                (Self.accountName(number, "q"), "userdb_quota_rule=*:storage=10:messages=5"),
                (Self.accountName(number, "a"), "userdb_admin=yes"),
            ] {
                users += "\(name):{PLAIN}pass:\(Self.mailUID):\(Self.mailGID)::\(directory)/home/\(name)::\(field)\n"
            }
        }
        users += "submit:{PLAIN}pass:\(Self.mailUID):\(Self.mailGID)::\(directory)/home/submit::\n"
        try Self.write(users, to: directory + "/users")
        // The mail role makes the homes themselves, and may not write above them.
        mkdir(directory + "/home", 0o755)
        chown(directory + "/home", Self.mailUID, Self.mailGID)
        let settings = site.settings.split(separator: "@", omittingEmptySubsequences: false).joined(
            separator: directory)
        if site == .events {
            let scripts = Self.packageRoot + "/Tests/DaemonTests/Transcripts/events"
            mkdir(directory + "/scripts", 0o755)
            for name in Self.fileNames(in: scripts) where name.hasSuffix(".sieve") {
                try Self.write(Self.readText("\(scripts)/\(name)"), to: "\(directory)/scripts/\(name)")
            }
        }
        if site == .events {
            // What scripts send comes into the Maildir of the user that it is for, whatever the domain and detail.
            let program = """
                #!/bin/sh
                for address; do :; done
                user=${address%%@*}
                cd "\(directory)/home/${user%%+*}/Maildir" || exit 67
                file=sent.$$.test
                cat > "tmp/$file" && mv "tmp/$file" "new/$file"

                """
            try Self.write(program, to: directory + "/scripts/sendmail")
            chmod(directory + "/scripts/sendmail", 0o755)
        }
        if site == .sharing {
            // Everybody may do everything in public, until a test says otherwise.
            let root = directory + "/home/public"
            mkdir(root, 0o700)
            try Self.write("authenticated lrwstipekxa\n", to: root + "/dovecot-acl")
            try Self.write(
                "Guarded* owner lrwstieka\nDispatched owner lrwstieka\nshared/*/Board anyone lr\n",
                to: directory + "/lists")
            chmod(directory + "/lists", 0o644)
            for path in [root, root + "/dovecot-acl"] { chown(path, Self.mailUID, Self.mailGID) }
        }
        if site == .packs {
            try Self.write("Public/Open/* authenticated lrwstipekxa\n", to: directory + "/lists")
            chmod(directory + "/lists", 0o644)
        }
        try Self.write(Self.configuration(directory, self.ports) + settings, to: directory + "/martlet.conf")
        self.processID = try Self.spawn(directory)
        let pid = self.processID
        if site == .plain { Self.childToEnd.store(pid, ordering: .relaxed) }
        if site == .sharing { Self.otherChildToEnd.store(pid, ordering: .relaxed) }
        if site == .packs { Self.fourthChildToEnd.store(pid, ordering: .relaxed) }
        if site == .events { Self.thirdChildToEnd.store(pid, ordering: .relaxed) }
        atexit {
            for child in [
                Daemon.childToEnd.load(ordering: .relaxed), Daemon.otherChildToEnd.load(ordering: .relaxed),
                Daemon.thirdChildToEnd.load(ordering: .relaxed), Daemon.fourthChildToEnd.load(ordering: .relaxed),
            ] where child > 0 { kill(child, SIGTERM) }
        }
        for (_, port) in self.ports { try Self.waitForPort(port, pid, directory) }
    }

    private static let childToEnd = Atomic<pid_t>(0)
    private static let otherChildToEnd = Atomic<pid_t>(0)
    private static let thirdChildToEnd = Atomic<pid_t>(0)
    private static let fourthChildToEnd = Atomic<pid_t>(0)

    /// As root the mail role must run as somebody else; `nobody` exists everywhere.
    private static var mailUID: uid_t { getuid() == 0 ? 65_534 : getuid() }
    private static var mailGID: gid_t { getuid() == 0 ? 65_534 : getgid() }

    private static func configuration(_ directory: String, _ ports: [String: UInt16]) -> String {
        """
        base_dir = \(directory)/run
        state_dir = \(directory)/state
        protocols = imap pop3 lmtp sieve
        listen = 127.0.0.1
        ssl = no
        mail_path = ~/Maildir
        mail_uid = \(self.mailUID)
        mail_gid = \(self.mailGID)
        auth_failure_delay = 0
        mail_max_userip_connections = 0
        log_path = \(directory)/log
        passdb passwd-file {
          passwd_file_path = \(directory)/users
        }
        userdb passwd-file {
          passwd_file_path = \(directory)/users
        }
        namespace inbox {
          inbox = yes
          separator = /
          mailbox Dispatched {
            aliases = Dispatched Items, Gone
          }
        }
        service imap-login {
          inet_listener imap {
            port = \(ports["imap"] ?? 0)
          }
        }
        service pop3-login {
          inet_listener pop3 {
            port = \(ports["pop3"] ?? 0)
          }
        }
        service managesieve-login {
          inet_listener sieve {
            port = \(ports["sieve"] ?? 0)
          }
        }
        service lmtp {
          inet_listener lmtp {
            port = \(ports["lmtp"] ?? 0)
          }
        }

        """
    }

    /// Accounts that no one else gets, as the names a transcript binds: two, or for sharing three, of which the third
    /// is in the group `staff`.
    func nextAccounts(_ count: Int = 2) -> [String: String] {
        let first = self.accountsGiven.withLock { given in
            given += count
            return given - count + 1
        }
        let name = Self.accountName(first)
        return [
            "user": name, "user2": Self.accountName(first + 1), "user3": Self.accountName(first + 2), "pass": "pass",
            "plain": Self.base64("\0\(name)\0pass"), "user64": Self.base64(name),
            "pass64": Self.base64("pass"), "limited": Self.accountName(first, "q"),
            "admin": Self.accountName(first, "a"),
        ]
    }

    private static func accountName(_ number: Int, _ letter: String = "t") -> String {
        let digits = String(number)
        return letter + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    // MARK: Files

    static func fileNames(in directory: String) -> [String] {
        guard let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    static func readText(_ path: String) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(contentsOf: chunk[..<count])
        }
    }

    private static func write(_ text: String, to path: String) throws(Failure) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Failure(description: "\(path): errno \(errno)") }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
            throw Failure(description: "write \(path): errno \(errno)")
        }
    }

    // MARK: Processes and ports

    private static func spawn(_ directory: String) throws(Failure) -> pid_t {
        // With a test process that is killed, the daemon goes too.
        let arguments = [
            "setpriv", "--pdeathsig", "TERM", self.executable, "-F", "-c", directory + "/martlet.conf",
        ]
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        pointers.append(nil)
        defer { for pointer in pointers { free(pointer) } }
        var pid: pid_t = 0
        let status = posix_spawnp(&pid, "setpriv", nil, nil, pointers, environ)
        guard status == 0 else { throw Failure(description: "start \(self.executable) by setpriv: errno \(status)") }
        return pid
    }

    private static let givenPorts = Mutex(Set<UInt16>())

    /// Another one each time: the kernel may name the same one again.
    private static func freePort() throws(Failure) -> UInt16 {
        while true {
            let port = try self.unusedPort()
            if self.givenPorts.withLock({ $0.insert(port).inserted }) { return port }
        }
    }

    private static func unusedPort() throws(Failure) -> UInt16 {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 ? getsockname(descriptor, $0, &size) : -1
            }
        }
        guard result == 0 else { throw Failure(description: "no free port: errno \(errno)") }
        return UInt16(bigEndian: address.sin_port)
    }

    private static func waitForPort(_ port: UInt16, _ pid: pid_t, _ directory: String) throws(Failure) {
        for _ in 0..<200 {
            if (try? LineSocket(port: port)) != nil { return }
            var status: CInt = 0
            if waitpid(pid, &status, WNOHANG) == pid {
                throw Failure(description: "martletd ended: \(self.readText(directory + "/log"))")
            }
            usleep(50_000)
        }
        throw Failure(description: "martletd does not answer: \(self.readText(directory + "/log"))")
    }

    private static func base64(_ text: String) -> String {
        String(decoding: Base64.encode(Array(text.utf8)), as: UTF8.self)
    }
}
