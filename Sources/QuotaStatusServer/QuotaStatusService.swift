import MailCore
public import ServerCore
import Synchronization

/// Tells an MTA at RCPT whether a mailbox takes a message (Postfix's `check_policy_service`), so that no bounce has
/// to be written later.
///
///     C: request=smtpd_access_policy
///     C: recipient=alice@example.org
///     C: size=12345
///     C:
///     S: action=DUNNO
///     S:
public final class QuotaStatusService: ConnectionService {
    private let options: Mutex<QuotaStatusOptions>

    public init(_ options: QuotaStatusOptions) { self.options = Mutex(options) }

    /// Gives later connections other options.
    public func reload(_ options: QuotaStatusOptions) { self.options.withLock { $0 = options } }

    public func serve(_ connection: Connection) async {
        await QuotaStatusSession(connection, self.options.withLock { $0 }).run()
    }
}
