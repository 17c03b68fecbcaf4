import Glibc
import MailCore
import MailStore

/// `queue ...`: the mails of users' scripts that wait for the MTA.
public enum QueueCommands {
    /// What of the queue is meant.
    public enum Verb: Sendable, Hashable {
        case list
        /// Has them tried now.
        case retry(Selection)
        case delete(Selection)
    }

    /// Mails by their ids, of a user, or all.
    public struct Selection: Sendable, Hashable {
        var ids: [OutgoingID]
        var user: String?

        /// `-A`, `-u USER` or ids.
        init(ids words: [String], user: String?, all: Bool) throws(AdminError) {
            self.user = user
            self.ids = []
            for word in words {
                guard let id = OutgoingID(word) else {
                    throw AdminError(.usage, "\(word) is no id of a mail; queue list shows them, such as 4711.0")
                }
                self.ids.append(id)
            }
            guard (all ? 1 : 0) + (user == nil ? 0 : 1) + (words.isEmpty ? 0 : 1) == 1 else {
                throw AdminError(.usage, "name mails by their ids, or those of a user by -u USER, or all by -A")
            }
        }

        func contains(_ mail: QueuedMail) -> Bool {
            if let user = self.user { return Mask(user).matches(mail.account.name) }
            return self.ids.isEmpty || self.ids.contains(mail.id)
        }
    }

    private static let columns = [
        "id", "user", "type", "sender", "recipient", "size", "queued", "next attempt", "attempts", "last error",
    ]

    static func run(
        _ verb: Verb, _ context: AdminContext, _ output: inout some AdminOutput
    ) async throws(AdminError) -> AdminExit {
        guard let queue = context.store.outgoingQueue else {
            throw AdminError(.unavailable, "this store sends nothing")
        }
        switch verb {
        case .list:
            try await output.columns(Self.columns)
            for mail in queue.mails {
                try await output.row([
                    mail.id.description, mail.account.name, "\(mail.purpose)",
                    mail.sender.isEmpty ? "<>" : mail.sender, mail.recipient, String(mail.size),
                    LocalTime.text(mail.queuedAt), mail.isHandedOver ? "now" : LocalTime.text(mail.nextAttempt),
                    String(mail.attempts), mail.lastError,
                ])
            }
        case .retry(let selection):
            let now = Int64(Glibc.time(nil))
            try await Self.each(selection, queue) { mail throws(StoreError) in
                // One that is being handed over is tried as it is.
                guard !mail.isHandedOver else { return }
                try await queue.note(.deferred(until: now, reason: mail.lastError), of: mail.id)
            }
        case .delete(let selection):
            try await Self.each(selection, queue) { mail throws(StoreError) in
                try await queue.note(.gone, of: mail.id)
            }
        }
        return .success
    }

    private static func each(
        _ selection: Selection, _ queue: any OutgoingQueue, _ body: (QueuedMail) async throws(StoreError) -> Void
    ) async throws(AdminError) {
        let mails = queue.mails.filter(selection.contains)
        for id in selection.ids where !mails.contains(where: { $0.id == id }) {
            throw AdminError(.notFound, "no mail \(id) waits")
        }
        for mail in mails {
            do throws(StoreError) {
                try await body(mail)
            } catch {
                // Gone out meanwhile.
                guard error.code != .notFound else { continue }
                throw AdminError(error, "mail \(mail.id)")
            }
        }
    }
}
