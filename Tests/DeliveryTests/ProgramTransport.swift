import MailStore

@testable import Delivery

/// A sendmail program as the MTA, which remembers nothing.
struct ProgramTransport: MailTransport {
    private let words: [String]
    private let timeout: Duration
    let canSend = true

    init(_ words: [String], timeout: Duration) {
        self.words = words
        self.timeout = timeout
    }

    func send(
        _ mail: QueuedMail, of queue: UInt64, _ arguments: [String], _ next: () -> [UInt8]
    ) -> MailFate {
        var message: [UInt8] = []
        while true {
            let piece = next()
            if piece.isEmpty { break }
            message += piece
        }
        let program = ChildProgram(
            path: self.words[0], arguments: self.words.dropFirst() + arguments, environment: [ChildProgram.searchPath],
            timeout: self.timeout, maximumOutput: 500)
        do throws(StoreError) {
            let ending = try MessageOctets(message).withUnsafeBytes { (bytes) throws(StoreError) in
                try program.run(ProgramInput(bytes, .crlf))
            }
            let text = ending.text(ending.saying)
            return ending.status == 0
                ? .sent : Self.finalStatuses.contains(ending.status) ? .refused(text) : .failed(text)
        } catch {
            return .failed(error.detail)
        }
    }

    func fate(of mail: QueuedMail, of queue: UInt64) -> MailFate? { .unknown }

    /// Those of sysexits.h that no other day will change: bad data, no such user, host or service.
    private static let finalStatuses = [65, 67, 68, 69]
}
