import CLinux
import Glibc
import Logging
import ServerConfig
import ServerCore
import Threads

/// The mail role: all sessions and the store.
enum MailRole {
    static func run(_ user: RoleUser?) -> Never {
        // All of this before the first other thread, which would not follow.
        user?.become()
        if martlet_no_new_privileges() != 0 {
            Complaint.write("no_new_privs: \(String(cString: strerror(errno)))")
            exit(71)
        }
        martlet_die_with_parent()
        umask(0o077)
        let control = RoleControl()
        let start = control.begin()
        guard let configuration = Configuration(serialized: start.configuration) else {
            Complaint.write("configuration is of another release")
            exit(78)
        }
        let minimum = configuration.settings.logging.minimumLevel
        let output = LogOutput(LogDestinations(.supervisor(2)), minimum: minimum)
        let (messages, inbox) = AsyncStream.makeStream(of: RoleMessage.self)
        Task {
            await Self.live(start, configuration, control, output, messages)
            output.flush()
            exit(0)
        }
        while let message = control.receive() { inbox.yield(message) }
        // The supervisor is gone: end as if it had said so.
        inbox.yield(.stop)
        Thread.sleepForever()
    }

    private static func live(
        _ start: RoleStart, _ configuration: Configuration, _ control: RoleControl, _ output: LogOutput,
        _ messages: AsyncStream<RoleMessage>
    ) async {
        let daemon: MailDaemon
        do {
            daemon = try await MailDaemon(start, configuration, output)
        } catch {
            output.write(.fatal, label: "mail", "\(error)")
            output.flush()
            exit(error.status)
        }
        control.send(.ready)
        for await message in messages {
            switch message {
            case .reload(let start):
                guard let configuration = Configuration(serialized: start.configuration) else { continue }
                daemon.reload(configuration)
            case .stop:
                await daemon.stop()
                return
            case .start, .ready: break
            }
        }
    }
}
