import Accounts
import Authentication
public import MailCore
import MailStore

/// The message of which `why` tells.
public enum WhySubject: Sendable, Hashable {
    /// A Message-ID without angle brackets, or an MTA's queue id.
    case identifier(String)
    case message(mailbox: String, UID)

    init(_ operands: [String], hasUser: Bool) throws(AdminError) {
        if operands.count == 1 {
            var text = operands[0][...]
            if text.hasPrefix("<"), text.hasSuffix(">") { text = text.dropFirst().dropLast() }
            guard !text.isEmpty else { throw AdminError(.usage, "which message? Give its Message-ID") }
            self = .identifier(String(text))
            return
        }
        guard hasUser else { throw AdminError(.usage, "whose mailbox? Give -u USER") }
        guard let uid = UInt32(operands[1]).flatMap(UID.init(rawValue:)) else {
            throw AdminError(.usage, "not a UID: \(operands[1])")
        }
        self = .message(mailbox: operands[0], uid)
    }
}

/// `why`: what happened to a message, from its arrival on.
enum WhyCommand {
    static let columns = [
        "time", "user", "event", "mailbox", "uid", "detail", "service", "client", "address", "session", "queue-id",
        "message-id", "sender", "recipient",
    ]

    static func run(
        _ user: String?, _ subject: WhySubject, _ context: AdminContext, _ output: inout some AdminOutput
    ) async throws(AdminError) -> AdminExit {
        var names: [String]
        let beginning: MessageStory.Beginning
        switch subject {
        case .identifier(let text):
            beginning = .identifier(text)
            names = []
            // A search without a user reads everything once, to know whose events are to be read.
            let found = try await self.events(TraceQuery(containing: Array(text.utf8)), context)
            for event in found where !names.contains(event.user) { names.append(event.user) }
            if let user { names = names.filter { $0 == user } }
        case .message(let mailbox, let uid):
            let record = try await AdminCommand.user(user ?? "", context)
            names = [record.user]
            beginning = .place(mailboxID: try await self.mailboxID(mailbox, record.user, context), uid)
        }
        var isKnown = false
        for name in names.sorted() {
            let story = MessageStory(try await self.events(TraceQuery(users: [name]), context), beginning)
            for event in story.events {
                isKnown = true
                for row in self.rows(event) { try await output.row(row) }
            }
            for place in story.places where isKnown { try await self.present(place, name, context, &output) }
        }
        guard isKnown else {
            throw AdminError(
                .notFound,
                "nothing is known of it: it did not come here, or before the trace begins (mail_trace_max_age, mail_trace_max_size)"
            )
        }
        return .success
    }

    private static func events(
        _ query: TraceQuery, _ context: AdminContext
    ) async throws(AdminError) -> [TraceEvent] {
        do throws(StoreError) { return try await context.store.trace(query) } catch {
            throw AdminError(error, "trace")
        }
    }

    private static func account(_ user: String, _ context: AdminContext) async throws(AdminError) -> any MailAccount {
        let record = try await AdminCommand.user(user, context)
        do throws(StoreError) { return try await context.accounts.open(record) } catch {
            throw AdminError(error, "account \(user)")
        }
    }

    /// The GUID of a mailbox that is there, or that was called so once.
    private static func mailboxID(
        _ mailbox: String, _ user: String, _ context: AdminContext
    ) async throws(AdminError) -> String {
        let account = try await self.account(user, context)
        guard let name = account.spelling.name(of: mailbox) else {
            throw AdminError(.usage, "not a mailbox name: \(mailbox)")
        }
        do throws(StoreError) {
            let open = try await account.open(name, .readOnly, onChange: {})
            defer { open.close() }
            return open.guid
        } catch {
            guard error.code == .notFound else { throw AdminError(error, "mailbox \(mailbox)") }
        }
        for event in try await self.events(TraceQuery(users: [user]), context).reversed() {
            for place in event.places where place.mailbox == name.text { return place.mailboxID }
        }
        throw AdminError(.notFound, "mailbox \(mailbox): does not exist")
    }

    /// What is there now.
    private static func present(
        _ place: TraceEvent.Place, _ user: String, _ context: AdminContext, _ output: inout some AdminOutput
    ) async throws(AdminError) {
        guard let name = MailboxName(place.mailbox), let uid = place.uids.first(where: { _ in true }) else { return }
        let account = try await self.account(place.user.isEmpty ? user : place.user, context)
        var rows: [[String]] = []
        do throws(StoreError) {
            let open = try await account.open(name, .readOnly, onChange: {})
            defer { open.close() }
            let view = open.snapshot()
            for uid in place.uids {
                if open.guid == place.mailboxID, let record = view.record(of: uid) {
                    rows.append(
                        self.row(nil, user, "is", place.mailbox, uid, MessageField.flags(record, view.keywords)))
                } else {
                    let text = "not there any more, and nobody is noted who removed it"
                    rows.append(self.row(nil, user, "gone", place.mailbox, uid, text))
                }
            }
        } catch {
            guard error.code == .notFound else { throw AdminError(error, "mailbox \(place.mailbox)") }
            rows = [self.row(nil, user, "gone", place.mailbox, uid, "the mailbox is not there any more")]
        }
        for row in rows { try await output.row(row) }
    }

    // MARK: Rows

    private static func row(
        _ event: TraceEvent?, _ user: String, _ word: String, _ mailbox: String = "", _ uid: UID? = nil,
        _ detail: String = ""
    ) -> [String] {
        var row = [
            event.map { LocalTime.text($0.time) } ?? "", user, word, mailbox, uid.map { String($0.rawValue) } ?? "",
            detail,
        ]
        let actor = event?.actor ?? TraceEvent.Actor()
        row += [actor.service, actor.client, actor.address, actor.session]
        guard case .delivered(let delivery, _) = event?.what else {
            var messageID = ""
            if case .appended(_, let id) = event?.what { messageID = id }
            return row + ["", messageID, "", ""]
        }
        return row + [delivery.queueID, delivery.messageID, delivery.sender, delivery.recipient]
    }

    private static func rows(_ event: TraceEvent) -> [[String]] {
        func row(_ word: String, _ place: TraceEvent.Place? = nil, _ uid: UID? = nil, _ detail: String = "") -> [String]
        {
            self.row(event, event.user, word, place?.mailbox ?? "", uid, detail)
        }
        switch event.what {
        case .delivered(let delivery, let places):
            var rows = [row("received")]
            rows += delivery.decisions.map { row("decided", nil, nil, $0) }
            for place in places { rows += place.uids.map { row("stored", place, $0) } }
            switch delivery.outcome {
            case .stored: break
            case .redirected: rows.append(row("redirected", nil, nil, delivery.detail))
            case .discarded: rows.append(row("discarded", nil, nil, delivery.detail))
            case .rejected: rows.append(row("rejected", nil, nil, delivery.detail))
            case .failed: rows.append(row("failed", nil, nil, delivery.detail))
            }
            return rows
        case .appended(let place, _): return place.uids.map { row("appended", place, $0) }
        case .copied(let source, let target):
            return target.uids.map { row("copied", target, $0, "from \(source.mailbox)") }
        case .moved(let source, let target):
            return target.uids.map { row("moved", target, $0, "from \(source.mailbox)") }
        case .flagged(let place, let change): return place.uids.map { row("flags", place, $0, change) }
        case .expunged(let place): return place.uids.map { row("expunged", place, $0) }
        }
    }
}

extension TraceEvent {
    /// Every place that it names.
    var places: [TraceEvent.Place] {
        switch self.what {
        case .delivered(_, let places): places
        case .copied(let source, let target), .moved(let source, let target): [source, target]
        case .appended(let place, _), .flagged(let place, _), .expunged(let place): [place]
        }
    }
}
