import CLinux
import Glibc

/// The submit role's side of a connection: takes a mail, gives it to the MTA and answers what that said; or answers what
/// became of an earlier one.
public struct SubmitServer: Sendable {
    private let journal: HandoverJournal
    /// In place of the program.
    private let submission: SMTPSubmission?
    private let program: SendmailCommand
    /// Octets of a message.
    private let maximumSize: UInt64

    /// Seconds for a peer that does not go on.
    private static let patience = 60

    /// - Parameters:
    ///   - words: the program and its first arguments, where `submission` is `nil`.
    ///   - timeout: milliseconds for the program.
    ///   - maximumSize: octets of a message.
    public init(
        _ journal: HandoverJournal, _ words: [String], _ submission: SMTPSubmission?, timeout: Int64,
        maximumSize: UInt64
    ) {
        self.journal = journal
        self.submission = submission
        self.program = SendmailCommand(words: words, timeout: timeout)
        self.maximumSize = maximumSize
    }

    /// Serves a connection to its end; the caller closes it.
    public func serve(_ connection: CInt) {
        martlet_limit_waits(connection, Int64(Self.patience) * 1000)
        guard let length = SubmitStream.readLength(connection), length <= SubmitStream.maximumHead,
            let octets = SubmitStream.readExactly(connection, length),
            let (verb, id, arguments) = SubmitStream.parse(octets)
        else { return }
        switch verb {
        case .send: self.send(connection, id, arguments)
        case .fate: self.tellFate(connection, id)
        }
    }

    /// A mail that is in hand is waited for as long as the peer waits.
    private func tellFate(_ connection: CInt, _ id: HandoverID) {
        while true {
            if let fate = self.journal.fate(of: id) { return self.reply(connection, fate) }
            guard self.isThere(connection) else { return }
            usleep(50_000)
        }
    }

    private func send(_ connection: CInt, _ id: HandoverID, _ arguments: [String]) {
        let spool = Self.makeSpool()
        defer { if spool >= 0 { close(spool) } }
        var refusal: (status: UInt8, text: String)? = spool >= 0 ? nil : (75, "cannot make a temporary file")
        var total: UInt64 = 0
        while true {
            guard let length = SubmitStream.readLength(connection), length <= SubmitStream.maximumChunk else { return }
            if length == 0 { break }
            guard let chunk = SubmitStream.readExactly(connection, length) else { return }
            // What is refused is read off all the same: an answer behind which octets are unread does not arrive.
            guard refusal == nil else { continue }
            total += UInt64(length)
            if total > self.maximumSize {
                refusal = (69, "message is too large")
            } else if !SubmitStream.writeAll(spool, chunk, isSocket: false) {
                refusal = (75, "temporary file: disk full")
            }
        }
        func refuse(_ status: UInt8, _ text: String) {
            self.reply(connection, .answered(status: status, text: text))
        }
        if let refusal { return refuse(refusal.status, refusal.text) }
        lseek(spool, 0, SEEK_SET)
        guard self.journal.begin(id) else { return refuse(75, "it is being sent already") }
        // Who has given up meanwhile asks what became of it: that it was not begun, from here on or not at all.
        guard self.isThere(connection) else { return self.journal.ended(id, nil) }
        let journal = self.journal
        let answer: (status: UInt8, text: String)?
        if let submission = self.submission {
            answer = submission.run(arguments, input: spool) { journal.committing(id) }
        } else if journal.committing(id) {
            answer = self.program.run(arguments, input: spool)
        } else {
            answer = (75, "what is sent cannot be noted on the disk")
        }
        journal.ended(id, answer)
        self.reply(connection, answer.map { .answered(status: $0.status, text: $0.text) } ?? .unknown)
    }

    private func isThere(_ connection: CInt) -> Bool {
        var octet: UInt8 = 0
        return recv(connection, &octet, 1, CInt(MSG_PEEK) | CInt(MSG_DONTWAIT)) != 0
    }

    private func reply(_ connection: CInt, _ fate: HandoverFate) {
        _ = SubmitStream.writeAll(connection, SubmitStream.octets(fate), isSocket: true)
    }

    private static func makeSpool() -> CInt {
        var name = [CChar]("/tmp/martlet-submit-XXXXXX".utf8CString)
        let descriptor = martlet_mkostemp(&name, O_CLOEXEC)
        guard descriptor >= 0 else { return -1 }
        unlink(name)
        return descriptor
    }
}
