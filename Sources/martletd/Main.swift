import Authentication
import Glibc
import Wiring

@main
struct Main {
    static func main() {
        switch Invocation(CommandLine.arguments.dropFirst()) {
        case .supervise(let path): Supervisor.run(configurationPath: path)
        case .authRole(let user): AuthRole.run(user)
        case .mailRole(let user): MailRole.run(user)
        case .submitRole(let user): SubmitRole.run(user)
        case .authWorker: AuthWorker.run(AuthWorker.descriptor)
        case .version: print("martletd \(Release.version)")
        case .help: print(Invocation.helpText)
        case .mistake(let text):
            Complaint.write("martletd: \(text)\n\(Invocation.helpText)")
            exit(64)  // EX_USAGE
        }
    }
}

/// Messages for whoever typed the command, before there is a log.
enum Complaint {
    static func write(_ text: String) {
        let bytes = [UInt8]((text + "\n").utf8)
        _ = Glibc.write(2, bytes, bytes.count)
    }
}
