public import MailStore

/// A command of `martlet` that works on the store or the running daemon, parsed from its words.
///
/// The words are doveadm's: `mailbox status -u alice all 'INBOX*'`.
public enum AdminCommand: Sendable, Hashable {
    case user(masks: [String])
    case authTest(user: String, password: [UInt8], service: String)
    case who(mask: String?)
    case kick(mask: String)
    case junk
    case queue(QueueCommands.Verb)
    case mailboxList(UserSelection, masks: [String], isSubscribed: Bool)
    case mailboxStatus(UserSelection, fields: [StatusField], masks: [String], isTotal: Bool)
    case mailboxCreate(UserSelection, names: [String], subscribes: Bool)
    case mailboxDelete(UserSelection, names: [String], isRecursive: Bool)
    case mailboxRename(UserSelection, from: String, to: String)
    case mailboxSubscribe(UserSelection, names: [String], subscribes: Bool)
    case mailboxMetadata(UserSelection, mailbox: String, MetadataAction)
    case search(UserSelection, query: [String])
    case fetch(UserSelection, fields: [FetchColumn], query: [String])
    case expunge(UserSelection, query: [String])
    case transfer(UserSelection, TransferKind, to: String, query: [String])
    case flags(UserSelection, FlagOrder, query: [String])
    case forceResync(UserSelection, masks: [String])
    case quotaGet(UserSelection)
    case quotaRecalculate(UserSelection)
    /// `nil`: the limits of the settings hold again.
    case quotaSet(UserSelection, QuotaChange?)
    case accountMove(UserSelection, MoveTarget)
    /// `namespace`: whose mail it is; `nil`: that of INBOX.
    case accountBeginAnew(UserSelection, namespace: String?)
    case access(UserSelection, AccessVerb)
    case upkeep(UserSelection, UpkeepVerb)
    /// `nil`: the whole volume.
    case verify(UserSelection?, VerifyMode)
    case scrub
    case status
    case sieve(UserSelection, SieveVerb)
    /// `user`: of all when `nil`.
    case why(user: String?, WhySubject)
    case sieveFilter(UserSelection, FilterOrder)

    /// For whom a command runs.
    public enum UserSelection: Sendable, Hashable {
        /// `-u NAME`, with `*` and `?`.
        case matching(String)
        /// `-A`.
        case all
        /// `-F`: the names of a file.
        case listed([String])
    }

    /// A column of `mailbox status`, named as doveadm's.
    public enum StatusField: String, Sendable, CaseIterable {
        case messages, recent, uidnext, uidvalidity, unseen, highestmodseq, vsize, guid, deleted
    }

    /// A column of `fetch`, named as doveadm's.
    public enum FetchField: String, Sendable, CaseIterable {
        case user, mailbox, uid, guid, seq, flags, modseq, hdr, body, text
        case dateReceived = "date.received"
        case dateSaved = "date.saved"
        case dateSent = "date.sent"
        case sizePhysical = "size.physical"
        case sizeVirtual = "size.virtual"
        case imapEnvelope = "imap.envelope"
        case imapBodystructure = "imap.bodystructure"
        case pop3UIDL = "pop3.uidl"
    }

    public init(words: [String]) throws(AdminError) {
        var arguments = AdminArguments(words)
        switch (arguments.next(), arguments.peek) {
        case ("user", _):
            self = .user(masks: try arguments.operands(1..., "user MASK..."))
        case ("auth", "test"):
            arguments.skip()
            let service = try arguments.option("-x")
            let operands = try arguments.operands(2...2, "auth test USER PASSWORD")
            self = .authTest(
                user: operands[0], password: Array(operands[1].utf8), service: service ?? "doveadm")
        case ("who", _):
            self = .who(mask: try arguments.operands(0...1, "who [MASK]").first)
        case ("kick", _):
            self = .kick(mask: try arguments.oneOperand("kick MASK"))
        case ("queue", let verb?):
            arguments.skip()
            self = .queue(try Self.queue(verb, &arguments))
        case ("junk", _):
            _ = try arguments.operands(0...0, "junk")
            self = .junk
        case ("mailbox", let verb?):
            arguments.skip()
            self = try Self.mailbox(verb, &arguments)
        case ("search", _):
            let users = try arguments.users()
            self = .search(users, query: try Self.query(try arguments.operands(1..., "search -u USER QUERY...")[...]))
        case ("fetch", _):
            let users = try arguments.users()
            let operands = try arguments.operands(2..., "fetch -u USER FIELDS QUERY...")
            self = .fetch(
                users, fields: try FetchColumn.columns(operands[0]), query: try Self.query(operands[1...]))
        case ("expunge", _):
            let users = try arguments.users()
            let query = try arguments.operands(1..., "expunge -u USER QUERY...")
            try MessageSelection(query).checkIsDeliberate("expunge")
            self = .expunge(users, query: query)
        case ("copy", _), ("move", _):
            let kind: TransferKind = words.first == "copy" ? .copy : .move
            let verb = words.first ?? ""
            let users = try arguments.users()
            let operands = try arguments.operands(2..., "\(verb) -u USER MAILBOX QUERY...")
            let query = try Self.query(operands[1...])
            if kind == .move { try MessageSelection(query).checkIsDeliberate(verb) }
            self = .transfer(users, kind, to: operands[0], query: query)
        case ("flags", let verb?):
            arguments.skip()
            let users = try arguments.users()
            let operands = try arguments.operands(2..., "flags \(verb) -u USER FLAGS QUERY...")
            self = .flags(users, try FlagOrder(verb, operands[0]), query: try Self.query(operands[1...]))
        case ("acl", let verb?):
            arguments.skip()
            let users = try arguments.users()
            let isOwn = arguments.flag("-m")
            self = .access(
                users, try AccessVerb(verb, isOwn: isOwn, try arguments.operands(0..., "acl \(verb) -u USER ...")))
        case ("sieve", let verb?):
            arguments.skip()
            self = try Self.sieve(verb, &arguments)
        case ("why", _):
            let user = try arguments.option("-u")
            let operands = try arguments.operands(1...2, "why [-u USER] MESSAGE-ID | why -u USER MAILBOX UID")
            self = .why(user: user, try WhySubject(operands, hasUser: user != nil))
        case ("force-resync", _):
            let users = try arguments.users()
            self = .forceResync(users, masks: try arguments.operands(1..., "force-resync -u USER MAILBOX-MASK..."))
        case ("quota", let verb?):
            arguments.skip()
            self = try Self.quota(verb, &arguments)
        case (let verb?, _) where ["backup", "restore", "import"].contains(verb):
            let users = try arguments.users()
            guard users.single != nil else { throw AdminError(.usage, "\(verb) is for one user") }
            self = .upkeep(users, try UpkeepVerb(verb, try arguments.operands(0..., "\(verb) -u USER ...")))
        case ("verify", _):
            let isAll = !arguments.hasUsers
            let users = isAll ? nil : try arguments.users()
            let words = try arguments.operands(0...1, "verify [-u USER] [--repair]")
            guard words.isEmpty || words == ["repair=yes"] else { throw AdminError(.usage, "verify: \(words[0])") }
            self = .verify(users, words.isEmpty ? .examine : .repair)
        case ("scrub", _):
            _ = try arguments.operands(0...0, "scrub")
            self = .scrub
        case ("status", _):
            _ = try arguments.operands(0...0, "status")
            self = .status
        case ("account", "move"):
            arguments.skip()
            let users = try arguments.users()
            self = .accountMove(
                users, MoveTarget(try arguments.oneOperand("account move -u USER FORMAT | volume=NAME")))
        case ("account", "begin-anew"):
            arguments.skip()
            let users = try arguments.users()
            let names = try arguments.operands(0...1, "account begin-anew -u USER [NAMESPACE]")
            self = .accountBeginAnew(users, namespace: names.first)
        case (let word, _):
            throw AdminError(.usage, "unknown command: \(word ?? "(none)"); see martlet help")
        }
    }

    /// Mistakes in a search are told before anything is opened.
    private static func query(_ words: ArraySlice<String>) throws(AdminError) -> [String] {
        let query = Array(words)
        _ = try MessageSelection(query)
        return query
    }

    private static func mailbox(_ verb: String, _ arguments: inout AdminArguments) throws(AdminError) -> AdminCommand {
        if verb == "metadata" { return try Self.metadata(&arguments) }
        let users = try arguments.users()
        switch verb {
        case "list":
            let isSubscribed = arguments.flag("-s")
            return .mailboxList(
                users, masks: try arguments.operands(0..., "mailbox list -u USER [-s] [MASK...]"),
                isSubscribed: isSubscribed)
        case "status":
            let isTotal = arguments.flag("-t")
            let operands = try arguments.operands(2..., "mailbox status -u USER [-t] FIELDS MASK...")
            return .mailboxStatus(
                users, fields: try Self.fields(operands[0], StatusField.self), masks: Array(operands[1...]),
                isTotal: isTotal)
        case "create":
            let subscribes = arguments.flag("-s")
            return .mailboxCreate(
                users, names: try arguments.operands(1..., "mailbox create -u USER [-s] NAME..."),
                subscribes: subscribes)
        case "delete":
            let isRecursive = arguments.flag("-r")
            return .mailboxDelete(
                users, names: try arguments.operands(1..., "mailbox delete -u USER [-r] NAME..."),
                isRecursive: isRecursive)
        case "rename":
            let operands = try arguments.operands(2...2, "mailbox rename -u USER FROM TO")
            return .mailboxRename(users, from: operands[0], to: operands[1])
        case "subscribe", "unsubscribe":
            return .mailboxSubscribe(
                users, names: try arguments.operands(1..., "mailbox \(verb) -u USER NAME..."),
                subscribes: verb == "subscribe")
        default:
            throw AdminError(
                .usage,
                "unknown command: mailbox \(verb); there are list, status, create, delete, rename, subscribe, unsubscribe, metadata"
            )
        }
    }

    private static func queue(
        _ verb: String, _ arguments: inout AdminArguments
    ) throws(AdminError) -> QueueCommands.Verb {
        if verb == "list" {
            _ = try arguments.operands(0...0, "queue list")
            return .list
        }
        let user = try arguments.option("-u")
        let all = arguments.flag("-A")
        let ids = try arguments.operands(0..., "queue \(verb) -u USER | -A | ID...")
        let selection = try QueueCommands.Selection(ids: ids, user: user, all: all)
        switch verb {
        case "retry": return .retry(selection)
        case "delete": return .delete(selection)
        default: throw AdminError(.usage, "unknown command: queue \(verb); there are list, retry and delete")
        }
    }

    private static func quota(_ verb: String, _ arguments: inout AdminArguments) throws(AdminError) -> AdminCommand {
        let users = try arguments.users()
        switch verb {
        case "get":
            _ = try arguments.operands(0...0, "quota get -u USER")
            return .quotaGet(users)
        case "recalc":
            _ = try arguments.operands(0...0, "quota recalc -u USER")
            return .quotaRecalculate(users)
        case "set":
            let words = try arguments.operands(1...2, "quota set -u USER storage=SIZE messages=COUNT | default")
            return .quotaSet(users, words == ["default"] ? nil : try QuotaChange(words: words))
        default:
            throw AdminError(.usage, "unknown command: quota \(verb); there are get, recalc, set")
        }
    }

    private static func filter(_ arguments: inout AdminArguments) throws(AdminError) -> FilterOrder {
        var order = FilterOrder()
        order.executes = arguments.flag("-e")
        order.writes = arguments.flag("-W")
        order.isQuiet = arguments.flag("-q")
        order.isSource = arguments.flag("-s")
        if let word = try arguments.option("-D") { order.discarded = try FilterOrder.Discarded(word) }
        let operands = try arguments.operands(
            2..., "sieve filter -u USER [-e] [-W] [-q] [-D ACTION] SCRIPT MAILBOX [SEARCH...]")
        order.script = operands[0]
        order.mailbox = operands[1]
        order.query = Array(operands[2...])
        return order
    }

    private static func sieve(_ verb: String, _ arguments: inout AdminArguments) throws(AdminError) -> AdminCommand {
        let users = try arguments.users()
        if verb == "filter" { return .sieveFilter(users, try Self.filter(&arguments)) }
        let also = arguments.flag("-a")
        return .sieve(
            users, try SieveVerb(verb, also: also, try arguments.operands(0..., "sieve \(verb) -u USER ...")))
    }

    /// `mailbox metadata get -u USER MAILBOX KEY` and its like; an empty MAILBOX, or `-s`, is the server.
    private static func metadata(_ arguments: inout AdminArguments) throws(AdminError) -> AdminCommand {
        let verb = arguments.next()
        let users = try arguments.users()
        let isServer = arguments.flag("-s")
        let usage = "mailbox metadata"
        let operands: [String]
        let action: MetadataAction
        switch verb {
        case "get":
            operands = try arguments.operands(2...2, "\(usage) get -u USER [-s] MAILBOX KEY")
            action = .get(entry: operands[1])
        case "set":
            operands = try arguments.operands(3...3, "\(usage) set -u USER [-s] MAILBOX KEY VALUE")
            action = .set(entry: operands[1], value: operands[2])
        case "unset":
            operands = try arguments.operands(2...2, "\(usage) unset -u USER [-s] MAILBOX KEY")
            action = .unset(entry: operands[1])
        case "list":
            let showsOwners = arguments.flag("-p")
            operands = try arguments.operands(1...2, "\(usage) list -u USER [-s] [-p] MAILBOX [KEY-PREFIX]")
            action = .list(prefix: operands.count > 1 ? operands[1] : "", showsOwners: showsOwners)
        default:
            throw AdminError(
                .usage, "unknown command: mailbox metadata \(verb ?? "(none)"); there are get, set, unset, list")
        }
        guard !isServer || operands[0].isEmpty else {
            throw AdminError(.usage, "with -s the mailbox is \"\"")
        }
        return .mailboxMetadata(users, mailbox: operands[0], action)
    }

    /// Field names separated by blanks; `all` is every one.
    private static func fields<Field: RawRepresentable & CaseIterable>(
        _ text: String, _: Field.Type
    ) throws(AdminError) -> [Field] where Field.RawValue == String {
        var fields: [Field] = []
        for word in text.split(separator: " ") {
            if word == "all" {
                fields += Array(Field.allCases)
            } else if let field = Field(rawValue: String(word)) {
                fields.append(field)
            } else {
                let known = Field.allCases.map(\.rawValue).joined(separator: " ")
                throw AdminError(.usage, "unknown field: \(word); there are: all \(known)")
            }
        }
        guard !fields.isEmpty else { throw AdminError(.usage, "no fields given") }
        return fields
    }
}
