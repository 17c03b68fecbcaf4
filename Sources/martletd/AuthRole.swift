import Authentication
import CLinux
import Glibc
import Logging
import ServerConfig
import ServerCore
import Threads
import Wiring

/// The auth role: passwords and users, for the mail role and MTAs. Nothing of the network reaches it but what
/// those pass on.
enum AuthRole {
    static func run(_ user: RoleUser?) -> Never {
        user?.become()
        martlet_die_with_parent()
        let control = RoleControl()
        let start = control.begin()
        guard let configuration = Configuration(serialized: start.configuration) else {
            Complaint.write("configuration is of another release")
            exit(78)
        }
        let settings = configuration.settings
        let output = LogOutput(LogDestinations(.supervisor(2)), minimum: settings.logging.minimumLevel)
        let logger = output.logger("auth")
        let log: @Sendable (AuthLogLevel, String) -> Void = { level, text in
            logger.log(level: level.logging, "\(text)")
        }
        let service: AuthService
        do throws(WiringError) {
            service = AuthService(configuration: try AuthConfiguration(settings, log: log), log: log)
        } catch {
            logger.error("\(error.text)")
            output.flush()
            exit(78)
        }
        let listeners = start.sockets.map { socket in
            AuthListener(descriptor: socket.descriptor, kind: socket.service == .authMail ? .mail : .client)
        }
        Thread.forever("auth") {
            service.run(listeners: listeners)
            output.flush()
            exit(0)
        }
        control.send(.ready)
        while let message = control.receive() {
            switch message {
            case .reload(let start):
                guard let new = Configuration(serialized: start.configuration) else { continue }
                output.configure(LogDestinations(.supervisor(2)), minimum: new.settings.logging.minimumLevel)
                do throws(WiringError) {
                    service.reload(try AuthConfiguration(new.settings, log: log))
                } catch {
                    logger.error("\(error.text); the old settings stay in force")
                }
            case .stop:
                service.stop()
                Thread.sleepForever()
            case .start, .ready: break
            }
        }
        // The supervisor is gone.
        output.flush()
        exit(0)
    }
}

extension AuthLogLevel {
    var logging: Logger.Level {
        switch self {
        case .debug: .debug
        case .info: .info
        case .warning: .warning
        case .error: .error
        }
    }
}
