import Glibc
import MailCore
import MailStore

/// Three clients of one account, whose commands the input chooses: each gets one answer, everything that is said holds to
/// the grammar, no sequence number is told wrongly, and in the end each client sees what is there.
func fuzzIMAPSession(_ input: FuzzInput) {
    var input = input
    let servers = Servers.shared
    let store = servers.renew()
    let port = servers.port("imap")
    var clients: [ModelClient] = []
    for name in ["a", "b", "c"] { clients.append(ModelClient(name, port: port, user: "u")) }
    clients[0].run("CREATE Work", allows: .everything)
    for _ in 0..<input.number(below: 5) { append(clients[0], &input) }
    if input.octet() & 1 == 0 {
        need(clients[1].run("ENABLE QRESYNC", allows: .everything) == "OK")
        clients[1].noteEnabled()
    }
    if input.octet() & 1 == 0 { clients[2].run("ENABLE IMAP4rev2 UTF8=ACCEPT", allows: .everything) }
    for client in clients { client.run("SELECT INBOX", allows: .everything) }
    var steps = 0
    while !input.isEmpty, steps < 60 {
        steps += 1
        let client = clients[input.number(below: clients.count)]
        if client.isClosed { continue }
        let step = Grammar.command(&input)
        client.run(step.text, allows: step.allowance, literals: step.literals)
    }
    check(clients, store)
}

private func append(_ client: ModelClient, _ input: inout FuzzInput) {
    let message = Grammar.message(&input)
    client.run(
        "APPEND INBOX \(Grammar.flags(&input)) {\(message.count)}", allows: .everything, literals: [message])
}

/// Each client catches up and then has what a new one sees.
private func check(_ clients: [ModelClient], _ store: MemoryStore) {
    for client in clients where !client.isClosed && client.view != nil {
        client.run("NOOP", allows: .everything)
        // Its last wrong command may have been the one that ends the session.
        guard !client.isClosed, let before = client.view else { continue }
        client.run("UID FETCH 1:* (UID)", allows: .everything)
        guard !client.isClosed, let view = client.view else { continue }
        need(!view.contains(nil), "\(client.name): not all messages were told: \(view), before \(before)")
    }
}

/// Commands as the input chooses their words.
enum Grammar {
    struct Step {
        var text: String
        var allowance = ModelClient.Allowance.everything
        var literals: [[UInt8]] = []
    }

    private static let mailboxes = ["INBOX", "Work", "Work/Sub", "none", "\"\"", "&AOQ-", "INBOX/x"]
    private static let names = [
        "\\Seen", "\\Deleted", "\\Flagged", "\\Answered", "\\Draft", "$Forwarded", "k1", "k2", "\\Recent", "\\X",
    ]
    private static let items = [
        "FLAGS", "UID", "ENVELOPE", "BODYSTRUCTURE", "BODY", "INTERNALDATE", "RFC822.SIZE", "BODY[]",
        "BODY.PEEK[HEADER]",
        "BODY.PEEK[1]<0.10>", "BODY[TEXT]", "BODY.PEEK[HEADER.FIELDS (SUBJECT FROM)]", "MODSEQ", "PREVIEW",
        "BINARY.PEEK[1]", "BINARY.SIZE[1]", "EMAILID", "SAVEDATE", "RFC822", "BODY.PEEK[1.MIME]",
    ]
    private static let keys = [
        "ALL", "UNSEEN", "SEEN", "DELETED", "KEYWORD k1", "SUBJECT x", "FROM a", "TEXT e", "BODY l", "LARGER 40",
        "SINCE 1-Jan-2020", "NOT SEEN", "OR SEEN FLAGGED", "1:3", "UID 2:*", "$", "MODSEQ 2", "(SEEN DELETED)",
        "HEADER Subject \"\"", "NEW", "YOUNGER 5", "CHARSET UTF-8 ALL", "FUZZY BODY x",
    ]

    static func command(_ input: inout FuzzInput) -> Step {
        let uid = input.octet() & 1 == 0 ? "UID " : ""
        // Commands with UIDs may tell of messages that are gone.
        let bound = uid.isEmpty ? ModelClient.Allowance.noExpunge : .everything
        switch input.number(below: 30) {
        case 0...4:
            return Step(
                text: "\(uid)FETCH \(self.set(&input)) \(self.list(self.items, &input))\(self.since(&input))",
                allowance: bound)
        case 5...8:
            let mode = ["", "+", "-"][input.number(below: 3)] + "FLAGS" + (input.octet() & 1 == 0 ? ".SILENT" : "")
            let unchanged = input.octet() & 3 == 0 ? "(UNCHANGEDSINCE \(input.octet())) " : ""
            return Step(
                text: "\(uid)STORE \(self.set(&input)) \(unchanged)\(mode) \(self.flags(&input))", allowance: bound)
        case 9...11: return Step(text: "\(uid)SEARCH \(self.search(&input))", allowance: bound)
        case 12:
            return Step(
                text: "\(uid)SORT (REVERSE DATE SUBJECT) UTF-8 \(self.word(self.keys, &input))", allowance: bound)
        case 13: return Step(text: "\(uid)THREAD REFERENCES UTF-8 \(self.word(self.keys, &input))", allowance: bound)
        case 14: return Step(text: "\(uid)COPY \(self.set(&input)) \(self.word(self.mailboxes, &input))")
        case 15: return Step(text: "\(uid)MOVE \(self.set(&input)) \(self.word(self.mailboxes, &input))")
        case 16, 17: return Step(text: uid.isEmpty ? "EXPUNGE" : "UID EXPUNGE \(self.set(&input))")
        case 18: return Step(text: "NOOP")
        case 19: return Step(text: "IDLE")
        case 20:
            let verb = input.octet() & 3 == 0 ? "EXAMINE" : "SELECT"
            let parameters = ["", " (CONDSTORE)", " (QRESYNC (1001 1))"][input.number(below: 3)]
            return Step(text: "\(verb) \(self.word(self.mailboxes, &input))\(parameters)")
        case 21, 22:
            let message = self.message(&input)
            let mailbox = self.word(self.mailboxes, &input)
            return Step(text: "APPEND \(mailbox) \(self.flags(&input)) {\(message.count)}", literals: [message])
        case 23: return Step(text: "STATUS \(self.word(self.mailboxes, &input)) (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)")
        case 24:
            let words = [
                "LIST \"\" *", "LIST (SUBSCRIBED) \"\" (\"%\" \"*\") RETURN (STATUS (MESSAGES))", "LSUB \"\" *",
                "NAMESPACE",
            ]
            return Step(text: words[input.number(below: words.count)])
        case 25:
            let verb = ["CREATE", "DELETE", "SUBSCRIBE", "UNSUBSCRIBE"][input.number(below: 4)]
            // The mailbox that all have open stays.
            return Step(text: "\(verb) \(["Work/Sub", "Other", "Work/Sub/x", "Work2"][input.number(below: 4)])")
        case 26: return Step(text: ["CLOSE", "UNSELECT", "CHECK", "CAPABILITY"][input.number(below: 4)])
        case 27:
            return Step(
                text:
                    "RENAME \(["Other", "Work2"][input.number(below: 2)]) \(["Other", "Work3", "Work2/y"][input.number(below: 3)])"
            )
        case 28: return self.raw(&input)
        default:
            let message = self.message(&input)
            return Step(
                text: "\(uid)REPLACE \(1 + input.number(below: 4)) INBOX {\(message.count)}", literals: [message])
        }
    }

    /// A line of octets as they come, but for what would make it more than a line or change who is logged in.
    private static func raw(_ input: inout FuzzInput) -> Step {
        var text = ""
        for octet in input.field(until: 0x0A).prefix(80) where octet >= 0x20 && octet < 0x7F && octet != 0x7B {
            text.unicodeScalars.append(Unicode.Scalar(octet))
        }
        let known = text.uppercased()
        let words = [
            "LOGOUT", "UNAUTH", "STARTTLS", "COMPRESS", "IDLE", "SELECT", "EXAMINE", "CLOSE", "UNSELECT", "AUTH",
            "LOGIN", "UID",
            "ENABLE", "NOTIFY",
        ]
        if words.contains(where: { known.contains($0) }) || text.first == " " { text = "X" + text.filter { $0 != " " } }
        return Step(text: text.isEmpty ? "NOOP" : text)
    }

    private static func word(_ words: [String], _ input: inout FuzzInput) -> String {
        words[input.number(below: words.count)]
    }

    private static func list(_ words: [String], _ input: inout FuzzInput) -> String {
        var chosen: [String] = []
        for _ in 0...input.number(below: 3) { chosen.append(self.word(words, &input)) }
        return "(\(chosen.joined(separator: " ")))"
    }

    static func flags(_ input: inout FuzzInput) -> String { self.list(self.names, &input) }

    private static func since(_ input: inout FuzzInput) -> String {
        input.octet() & 7 == 0 ? " (CHANGEDSINCE \(input.octet()))" : ""
    }

    private static func set(_ input: inout FuzzInput) -> String {
        let choice = input.octet()
        let first = 1 + Int(choice & 7)
        switch choice >> 5 {
        case 0, 1: return "\(first)"
        case 2: return "1:*"
        case 3: return "\(first):\(1 + input.number(below: 12))"
        case 4: return "*"
        case 5: return "$"
        case 6: return "\(first),\(1 + input.number(below: 9)):*"
        default: return "\(first),2,4"
        }
    }

    private static func search(_ input: inout FuzzInput) -> String {
        let options = [
            "", "", "RETURN (MIN MAX COUNT) ", "RETURN (SAVE) ", "RETURN () ", "RETURN (PARTIAL 1:2) ",
            "RETURN (ALL SAVE) ",
        ]
        let chosen = options[input.number(below: options.count)]
        return chosen + self.word(self.keys, &input)
            + (input.octet() & 1 == 0 ? " " + self.word(self.keys.filter { !$0.hasPrefix("CHARSET") }, &input) : "")
    }

    static func message(_ input: inout FuzzInput) -> [UInt8] {
        let kind = input.number(below: 4)
        if kind == 3 { return input.field().prefix(200).filter { $0 != 0 } }
        let texts = [
            "From: a@b.example\r\nSubject: x\r\n\r\nhello\r\n", "Subject: Re: x\r\nReferences: <1@x>\r\n\r\n.\r\n",
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nl\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>e\r\n--b--\r\n",
        ]
        return Array(texts[kind].utf8)
    }
}
