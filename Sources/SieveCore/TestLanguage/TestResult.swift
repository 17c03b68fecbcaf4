import MIMECore

/// The actions of tested scripts, and what became of them.
struct TestResult {
    struct Entry {
        var action: SieveAction
        var isDone = false
    }

    private(set) var entries: [Entry] = []
    private(set) var keepsImplicitly = true
    private(set) var keepFlags: [String] = []
    private(set) var keepMessage = 0
    private(set) var editedMessages: [SieveEditedMessage] = []
    /// The message as the scripts so far have edited it; `nil`: as it came.
    private(set) var editedMessage: SieveMessage?
    /// Whether something was carried out before.
    private var wasExecuted = false
    private var hasKept = false
    /// Whether an earlier script of a sequence has delivered the message, so that it can be refused no more.
    private var wasDelivered = false

    init() {}

    /// What one script of a sequence decided, without its keep.
    init(of sequence: SieveSequence, from first: Int) {
        self.wasDelivered = sequence.actions.prefix(first).contains { action in
            switch action.kind {
            case .fileInto, .redirect, .pipe: true
            case .keep, .discard, .reject, .vacation, .notify, .report: false
            }
        }
        self.editedMessages = sequence.editedMessages
        self.entries = sequence.actions.dropFirst(first).map { Entry(action: $0) }
        self.keepsImplicitly = false
    }

    /// The keep at the end of a sequence.
    init(keepOf sequence: SieveSequence) {
        self.editedMessages = sequence.editedMessages
        self.keepFlags = sequence.flags
        self.keepMessage = sequence.keepMessage
    }

    /// Takes what a script decided; answers what to tell when it does not get along with what is there.
    mutating func add(_ result: SieveResult) -> String? {
        let offset = self.editedMessages.count
        func shifted(_ message: Int) -> Int { message == 0 ? 0 : message + offset }
        self.editedMessages += result.editedMessages
        for var action in result.actions {
            action.message = shifted(action.message)
            var isDuplicate = false
            for entry in self.entries {
                switch entry.action.kind.relation(to: action.kind, defaultMailbox: "INBOX") {
                case .independent: continue
                case .duplicate: isDuplicate = true
                case .conflict(let text):
                    guard entry.isDone else { return text }
                    // The sender has been answered.
                    if entry.action.kind.answersSender, action.kind.answersSender { isDuplicate = true }
                case .reduced(let rest): action.kind = rest
                }
            }
            if !isDuplicate { self.entries.append(Entry(action: action)) }
        }
        if !result.keepsImplicitly { self.keepsImplicitly = false }
        self.keepFlags = result.flags
        self.keepMessage = shifted(result.keepMessage)
        if let message = result.finalMessage, !message.isOriginal { self.editedMessage = message }
        return nil
    }

    var names: [String] { self.entries.map(\.action.kind.name) }

    /// Carries out what was not yet; notes errors. `true`: all went well.
    mutating func execute(_ session: TestSession) -> Bool {
        var failed = false
        for index in self.entries.indices where !self.entries[index].isDone {
            self.entries[index].isDone = true
            if !self.perform(self.entries[index].action, session) { failed = true }
        }
        if (self.keepsImplicitly || failed), !self.hasKept {
            self.hasKept = true
            session.store("INBOX", self.octets(self.keepMessage, session), self.keepFlags)
        }
        self.wasExecuted = true
        return !failed
    }

    private func octets(_ message: Int, _ session: TestSession) -> [UInt8] {
        guard message > 0, message <= self.editedMessages.count else { return session.message }
        let edited = self.editedMessages[message - 1]
        return edited.header + (edited.body ?? Array(session.currentMessage.body.buffer))
    }

    private func message(_ number: Int, _ session: TestSession) -> SieveMessage {
        guard number > 0, number <= self.editedMessages.count else { return session.currentMessage }
        return session.currentMessage.edited(self.editedMessages[number - 1])
    }

    private mutating func perform(_ action: SieveAction, _ session: TestSession) -> Bool {
        let octets = self.octets(action.message, session)
        let message = self.message(action.message, session)
        let environment = session.environment
        switch action.kind {
        case .keep(let flags):
            self.hasKept = true
            session.store("INBOX", octets, flags)
        case .fileInto(let place):
            let name = TestSession.mailboxName(place.mailbox)
            if name == "INBOX" { self.hasKept = true }
            guard place.creates || name == "INBOX" || session.mailboxes[name] != nil else {
                session.errors.append("failed to store into mailbox \(quoted(place.mailbox)): it does not exist")
                return false
            }
            session.store(name, octets, place.flags)
        case .discard: break
        case .redirect(let address):
            session.outbox.append(
                OutgoingMail(
                    sender: environment.redirectSender, recipients: [address],
                    octets: octets))
        case .reject(let reason, let extended):
            if self.wasExecuted || self.wasDelivered { return true }
            session.send(
                RejectionMail.make(
                    extended ? .deliveryStatus : .disposition, reason: reason, for: session.currentMessage,
                    environment, session.sendingContext))
        case .vacation(let vacation):
            do throws(VacationReply.Refusal) {
                let reply = try VacationReply(vacation, to: message, environment)
                let mail = reply.mail(for: message, environment, session.sendingContext)
                session.send(mail)
                session.file(mail, vacation.copy)
            } catch {
                session.print("info: no vacation reply: \(error.rawValue)")
            }
        case .notify(let notification):
            let mail = notification.mail(for: message, environment, session.sendingContext)
            session.send(mail)
            if let mail { session.file(mail, notification.copy) }
        case .report(let report):
            session.send(report.mail(for: message, environment, session.sendingContext))
        case .pipe(let call):
            guard !session.run(call, input: octets).succeeded, !call.mayFail else { break }
            session.errors.append("failed to pipe the message to the program \(quoted(call.program))")
            return false
        }
        return true
    }
}

extension TestSession {
    func store(_ mailbox: String, _ octets: [UInt8], _ flags: [String]) {
        self.mailboxes[mailbox, default: []].append(StoredMail(octets: octets, flags: flags))
    }

    /// One entry of the outbox for each recipient.
    func send(_ mail: OutgoingMail?) {
        guard let mail else { return }
        for recipient in mail.recipients {
            self.outbox.append(OutgoingMail(sender: mail.sender, recipients: [recipient], octets: mail.octets))
        }
    }

    /// Files the copy that `:fcc` asks for.
    func file(_ mail: OutgoingMail, _ place: SieveFileInto?) {
        guard let place else { return }
        let name = Self.mailboxName(place.mailbox)
        if place.creates || name == "INBOX" || self.mailboxes[name] != nil {
            self.store(name, mail.octets, place.flags)
        }
    }
}

extension SieveAction.Kind {
    /// Whether it sends the sender of the message an answer.
    fileprivate var answersSender: Bool {
        switch self {
        case .reject, .vacation: true
        case .keep, .fileInto, .redirect, .discard, .notify, .report, .pipe: false
        }
    }
}
