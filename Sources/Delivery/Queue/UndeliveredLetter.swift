import MIMECore
import MailCore
import MailStore
import SieveCore

/// What the user gets whose redirect could finally not be sent: the mail itself, within a report, in INBOX.
struct UndeliveredLetter {
    private let mail: QueuedMail
    private let before: [UInt8]
    private let after: [UInt8]

    private static let piece = 256 << 10

    init(_ mail: QueuedMail, _ reason: String, _ options: OutgoingRunner.Options) {
        self.mail = mail
        let name = mail.account.name
        let letter = UndeliveredMail(
            recipient: mail.recipient, reason: reason,
            owner: name.contains("@") ? name : "\(name)@\(options.hostname)", postmaster: options.postmaster)
        // No mail that is there already can have it.
        let unique = UInt64.random(in: .min ... .max)
        let now = options.clock()
        (self.before, self.after) = letter.frame(
            SendingContext(
                now: MessageDate(secondsSince1970: now), unique: "undelivered.\(now).\(unique)",
                hostname: options.hostname),
            boundary: "=_martlet_\(unique)_\(UInt64.random(in: .min ... .max))")
    }

    func deposit(_ content: QueuedContent, _ store: any MailStore) async throws(StoreError) {
        var spool = store.makeSpool()
        spool.convertsLineEnds = false
        for part in [self.before, content.prefix] {
            part.withUnsafeBytes { spool.take($0) }
            try await spool.drain()
        }
        var position = 0
        while position < content.message.count {
            let next = min(content.message.count, position + Self.piece)
            content.message.withUnsafeBytes { spool.take(UnsafeRawBufferPointer(rebasing: $0[position..<next])) }
            position = next
            try await spool.drain()
        }
        self.after.withUnsafeBytes { spool.take($0) }
        try await spool.drain()
        let account = try await store.account(self.mail.account)
        let deposit = Deposit(
            message: try await spool.finish(), account: account, mailbox: .inbox, missingMailbox: .create,
            strictness: .exempt)
        for result in await store.deposit([deposit]) { _ = try result.get() }
    }
}
