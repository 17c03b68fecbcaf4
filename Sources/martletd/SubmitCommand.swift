import ServerConfig
import Submission
import Synchronization

/// The program that the submit role runs, or the MTA that it speaks to, and the most these may be fed.
final class SubmitCommand: Sendable {
    struct Value: Sendable {
        var words: [String]
        /// In place of the program.
        var submission: SMTPSubmission?
        /// Milliseconds for the program.
        var timeout: Int64
        /// Octets.
        var maximumSize: UInt64
    }

    private let value: Mutex<Value>

    init(_ settings: Settings) { self.value = Mutex(Self.value(settings)) }

    /// Serves with what is in force now.
    func server(_ journal: HandoverJournal) -> SubmitServer {
        let value = self.value.withLock { $0 }
        return SubmitServer(
            journal, value.words, value.submission, timeout: value.timeout, maximumSize: value.maximumSize)
    }

    func replace(_ settings: Settings) {
        let new = Self.value(settings)
        self.value.withLock { $0 = new }
    }

    private static func security(_ setting: SubmissionSecurity) -> SMTPSubmission.Security {
        switch setting {
        case .none: .none
        case .starttls: .startTLS
        case .smtps, .submissions: .implicit
        }
    }

    private static func value(_ settings: Settings) -> Value {
        let size = settings.mail.maximumMessageSize
        // Redirecting adds a field or two.
        return Value(
            words: settings.delivery.sendmailPath.split(separator: " ").map(String.init),
            submission: settings.submission.host.isEmpty
                ? nil
                : SMTPSubmission(
                    settings.submission.host, Self.security(settings.submission.security),
                    timeout: settings.submission.timeout, hostname: MailServices.hostname(settings),
                    authorities: settings.tls.clientAuthorities?.contents),
            timeout: max(1, settings.submission.timeout.components.seconds) * 1000,
            maximumSize: size == 0 ? .max : size.addingReportingOverflow(65_536).partialValue)
    }
}

extension Settings {
    /// The submit role's directory, and where it notes what it hands over.
    var submitDirectory: String { self.general.stateDirectory + "/submit" }
    var handoverPath: String { self.submitDirectory + "/handovers" }
}
