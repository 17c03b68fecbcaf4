import CLinux
import Delivery
import Glibc
import ServerConfig
import ServerCore
import Submission
import Threads

/// The submit role: runs `sendmail_path` for mail of users' scripts, or hands it to `submission_host`.
///
/// It exists because the mail role may not: under no_new_privs the set-group-id programs of MTAs (Postfix's
/// postdrop) lose their group and cannot queue; and so that names are not looked up in it. This role runs that one program
/// only, and listens to nobody else.
enum SubmitRole {
    private static let threads = 4

    static func run(_ user: RoleUser?) -> Never {
        user?.become()
        martlet_die_with_parent()
        umask(0o077)
        let control = RoleControl()
        let start = control.begin()
        guard let configuration = Configuration(serialized: start.configuration),
            let socket = start.sockets.first(where: { $0.service == .submit })
        else {
            Complaint.write("configuration is of another release")
            exit(78)
        }
        let command = SubmitCommand(configuration.settings)
        let journal = HandoverJournal(configuration.settings.handoverPath)
        if let complaint = journal.complaint {
            Complaint.write("what is handed to the MTA is not noted, and may be sent twice after a crash: \(complaint)")
        }
        for _ in 0..<Self.threads {
            Thread.forever("submit") {
                while true {
                    let connection = martlet_accept4(socket.descriptor, CInt(SOCK_CLOEXEC.rawValue))
                    if connection < 0 {
                        // Out of descriptors or the like: do not spin.
                        if errno != EINTR { usleep(100_000) }
                        continue
                    }
                    command.server(journal).serve(connection)
                    close(connection)
                }
            }
        }
        control.send(.ready)
        while let message = control.receive() {
            switch message {
            case .reload(let start):
                guard let new = Configuration(serialized: start.configuration) else { continue }
                command.replace(new.settings)
            case .stop: exit(0)
            case .start, .ready: break
            }
        }
        exit(0)
    }
}
