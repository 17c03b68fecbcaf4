import MailStore

@testable import Delivery

/// A sendmail program as the MTA, which remembers nothing.
struct ProgramTransport: MailTransport {
    private let program: SendmailProgram
    let canSend = true

    init(_ words: [String], timeout: Duration) { self.program = SendmailProgram(words, timeout: timeout) }

    func send(
        _ mail: QueuedMail, of queue: UInt64, _ arguments: [String], _ next: () -> [UInt8]
    ) -> MailFate {
        do throws(StoreError) {
            try self.program.run(arguments, next)
            return .sent
        } catch {
            return error.code == .cannot ? .refused(error.detail) : .failed(error.detail)
        }
    }

    func fate(of mail: QueuedMail, of queue: UInt64) -> MailFate? { .unknown }
}
