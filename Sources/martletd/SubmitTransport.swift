import Delivery
import MailStore
import Submission

/// Mails go to the submit role, which remembers what became of them.
struct SubmitTransport: MailTransport {
    let canSend: Bool
    let client: SubmitClient

    func send(_ mail: QueuedMail, of queue: UInt64, _ arguments: [String], _ next: () -> [UInt8]) -> MailFate {
        switch self.client.send(Self.id(mail, queue), arguments, next) {
        case .fate(let fate): Self.fate(fate)
        case .unreached(let why): .failed(why)
        case .lost: .lost
        }
    }

    func fate(of mail: QueuedMail, of queue: UInt64) -> MailFate? {
        self.client.fate(of: Self.id(mail, queue)).map { Self.fate($0) }
    }

    private static func id(_ mail: QueuedMail, _ queue: UInt64) -> HandoverID {
        HandoverID(queue: queue, delivery: mail.id.delivery, number: mail.id.number)
    }

    private static func fate(_ fate: HandoverFate) -> MailFate {
        switch fate {
        case .answered(0, _): return .sent
        case .answered(let status, let text):
            let printable = String(
                text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : Character($0) })
            let reason = "exit status \(status): \(printable)"
            // Statuses of sysexits.h that no other day will change: bad data, no such user, host or service.
            return [65, 67, 68, 69].contains(status) ? .refused(reason) : .failed(reason)
        case .notBegun: return .notBegun
        case .unknown: return .unknown
        }
    }
}
