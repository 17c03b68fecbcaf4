import MailCore
import MailStore
import Testing

@testable import AdminCommands

struct WordsTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var words: [String]
        var command: AdminCommand
        var testDescription: String { self.words.joined(separator: " ") }

        init(_ words: String..., is command: AdminCommand) {
            self.words = words
            self.command = command
        }
    }

    @Test(arguments: [
        Case("user", "anna", is: .user(masks: ["anna"])),
        Case("user", "--", "-anna", is: .user(masks: ["-anna"])),
        Case("user", "anna", "b*", is: .user(masks: ["anna", "b*"])),
        Case("quota", "get", "-F", "anna\nbert\n", is: .quotaGet(.listed(["anna", "bert"]))),
        Case(
            "auth", "test", "anna", "secret",
            is: .authTest(user: "anna", password: Array("secret".utf8), service: "doveadm")),
        Case(
            "auth", "test", "-x", "imap", "--", "anna", "-x",
            is: .authTest(user: "anna", password: Array("-x".utf8), service: "imap")),
        Case("who", is: .who(mask: nil)),
        Case("who", "--", "*@example.org", is: .who(mask: "*@example.org")),
        Case("kick", "anna", is: .kick(mask: "anna")),
        Case("quota", "get", "-u", "anna", is: .quotaGet(.matching("anna"))),
        Case("quota", "recalc", "-A", is: .quotaRecalculate(.all)),
        Case(
            "quota", "set", "-u", "anna", "--", "storage=2G", "messages=unlimited",
            is: .quotaSet(.matching("anna"), .init(storage: 2 << 30, messages: 0))),
        Case("quota", "set", "-u", "anna", "--", "default", is: .quotaSet(.matching("anna"), nil)),
        Case("backup", "-u", "anna", is: .upkeep(.matching("anna"), .backup(.init()))),
        Case(
            "backup", "-u", "anna", "--", "increment=yes", "mailbox=A*", "mailbox=B=C",
            is: .upkeep(.matching("anna"), .backup(.init(isIncrement: true, masks: ["A*", "B=C"])))),
        Case(
            "backup", "-u", "anna", "--", "omissions=named", "namespace=old",
            is: .upkeep(.matching("anna"), .backup(.init(namespace: "old", namesOmissions: true)))),
        Case(
            "restore", "-u", "anna", "--", "files=3", "into=Old",
            is: .upkeep(.matching("anna"), .restore(.init(files: 3, into: "Old")))),
        Case(
            "import", "-u", "anna", "--", "duplicates=skip",
            is: .upkeep(.matching("anna"), .restore(.init(kind: .messages, skipsDuplicates: true)))),
        Case("verify", "--", is: .verify(nil, .examine)),
        Case("verify", "-A", "--", "repair=yes", is: .verify(.all, .repair)),
        Case("verify", "-u", "a*", is: .verify(.matching("a*"), .examine)),
        Case("scrub", is: .scrub),
        Case("status", is: .status),
        Case("mailbox", "list", "-A", is: .mailboxList(.all, masks: [], isSubscribed: false)),
        Case(
            "mailbox", "list", "-u", "anna", "-s", "INBOX*", "x",
            is: .mailboxList(.matching("anna"), masks: ["INBOX*", "x"], isSubscribed: true)),
        Case(
            "mailbox", "status", "-t", "-u", "a*", "messages vsize", "*",
            is: .mailboxStatus(.matching("a*"), fields: [.messages, .vsize], masks: ["*"], isTotal: true)),
        Case(
            "mailbox", "status", "-A", "--", "all", "*",
            is: .mailboxStatus(
                .all, fields: AdminCommand.StatusField.allCases, masks: ["*"], isTotal: false)),
        Case(
            "mailbox", "create", "-u", "anna", "-s", "A", "B",
            is: .mailboxCreate(.matching("anna"), names: ["A", "B"], subscribes: true)),
        Case(
            "mailbox", "create", "-u", "anna", "--", "-s",
            is: .mailboxCreate(.matching("anna"), names: ["-s"], subscribes: false)),
        Case(
            "mailbox", "delete", "-r", "-u", "anna", "A",
            is: .mailboxDelete(.matching("anna"), names: ["A"], isRecursive: true)),
        Case(
            "mailbox", "rename", "-u", "anna", "A", "B", is: .mailboxRename(.matching("anna"), from: "A", to: "B")),
        Case(
            "mailbox", "subscribe", "-u", "anna", "A",
            is: .mailboxSubscribe(.matching("anna"), names: ["A"], subscribes: true)),
        Case(
            "mailbox", "unsubscribe", "-A", "A",
            is: .mailboxSubscribe(.all, names: ["A"], subscribes: false)),
        Case(
            "mailbox", "metadata", "get", "-u", "anna", "INBOX", "/private/comment",
            is: .mailboxMetadata(.matching("anna"), mailbox: "INBOX", .get(entry: "/private/comment"))),
        Case(
            "mailbox", "metadata", "set", "-u", "anna", "-s", "", "/private/vendor/x", "y",
            is: .mailboxMetadata(.matching("anna"), mailbox: "", .set(entry: "/private/vendor/x", value: "y"))),
        Case(
            "mailbox", "metadata", "unset", "-A", "INBOX", "/shared/comment",
            is: .mailboxMetadata(.all, mailbox: "INBOX", .unset(entry: "/shared/comment"))),
        Case(
            "mailbox", "metadata", "list", "-p", "-u", "anna", "INBOX",
            is: .mailboxMetadata(.matching("anna"), mailbox: "INBOX", .list(prefix: "", showsOwners: true))),
        Case("search", "-u", "anna", "unseen", is: .search(.matching("anna"), query: ["unseen"])),
        // What looks like an option inside a query is the query's.
        Case("search", "-u", "anna", "subject", "-A", is: .search(.matching("anna"), query: ["subject", "-A"])),
        Case(
            "fetch", "-u", "anna", "uid date.received", "all",
            is: .fetch(.matching("anna"), fields: [.field(.uid), .field(.dateReceived)], query: ["all"])),
        Case(
            "fetch", "-u", "anna", "hdr.Subject hdr.from.utf8 hdr", "mailbox-guid", "aB", "uid", "1",
            is: .fetch(
                .matching("anna"),
                fields: [.header(name: "Subject", .asWritten), .header(name: "from", .utf8), .field(.hdr)],
                query: ["mailbox-guid", "aB", "uid", "1"])),
        Case(
            "expunge", "-A", "mailbox", "Trash", "all", is: .expunge(.all, query: ["mailbox", "Trash", "all"])),
        Case(
            "move", "-u", "anna", "--", "Trash", "mailbox", "INBOX", "all",
            is: .transfer(.matching("anna"), .move, to: "Trash", query: ["mailbox", "INBOX", "all"])),
        Case(
            "copy", "-A", "--", "Archive", "flagged", is: .transfer(.all, .copy, to: "Archive", query: ["flagged"])),
        Case("account", "move", "-u", "anna", "pack", is: .accountMove(.matching("anna"), .format("pack"))),
        Case("account", "move", "-u", "anna", "volume=b", is: .accountMove(.matching("anna"), .volume("b"))),
        Case("account", "begin-anew", "-u", "anna", is: .accountBeginAnew(.matching("anna"), namespace: nil)),
        Case("account", "begin-anew", "-A", "--", "public", is: .accountBeginAnew(.all, namespace: "public")),
        Case("why", "<a@b>", is: .why(user: nil, .identifier("a@b"))),
        Case("why", "-u", "anna", "--", "-x", is: .why(user: "anna", .identifier("-x"))),
        Case("why", "-u", "anna", "INBOX", "1", is: .why(user: "anna", .message(mailbox: "INBOX", UID.first))),
        Case("sieve", "list", "-A", is: .sieve(.all, .list)),
        Case("sieve", "get", "-u", "anna", "--", "-a", is: .sieve(.matching("anna"), .get(script: "-a"))),
        Case(
            "sieve", "put", "-u", "anna", "-a", "--", "main", "keep;\n",
            is: .sieve(.matching("anna"), .put(script: "main", content: "keep;\n", activates: true))),
        Case("sieve", "activate", "-u", "a*", "main", is: .sieve(.matching("a*"), .activate(script: "main"))),
        Case("sieve", "deactivate", "-u", "anna", is: .sieve(.matching("anna"), .deactivate)),
        Case(
            "sieve", "delete", "-u", "anna", "main",
            is: .sieve(.matching("anna"), .delete(script: "main", deactivates: false))),
        Case(
            "sieve", "rename", "-u", "anna", "a", "b",
            is: .sieve(.matching("anna"), .rename(script: "a", to: "b"))),
        Case("sieve", "check", "-A", is: .sieve(.all, .check(scripts: []))),
        Case("force-resync", "-u", "anna", "*", is: .forceResync(.matching("anna"), masks: ["*"])),
    ])
    func understands(_ sample: Case) throws {
        #expect(try AdminCommand(words: sample.words) == sample.command)
    }

    @Test func flagsAreRead() throws {
        let order = try FlagOrder("remove", "\\seen  $Work")
        #expect(order.mode == .remove)
        #expect(order.flags == .seen)
        #expect(order.keywords.map(\.name) == ["$Work"])
        let words = ["flags", "remove", "-u", "anna", "--", "\\Seen $Work", "mailbox", "INBOX"]
        #expect(try AdminCommand(words: words) == .flags(.matching("anna"), order, query: ["mailbox", "INBOX"]))
        #expect(try FlagOrder("replace", "").change.mode == .replace)
    }

    /// A word of the message that says what is wrong.
    @Test(
        arguments: [
            ([], "unknown command"),
            (["whom"], "unknown command: whom"),
            (["backup", "-A"], "for one user"), (["restore", "-u", "a", "--", "files=0"], "not an option: files=0"),
            (["import", "-u", "a", "--", "since=x"], "not an option"),
            (["verify", "--", "mend=yes"], "verify: mend=yes"),
            (["user"], "user MASK..."),
            (["quota", "get", "-u", "a", "-A"], "only one of -u NAME, -A and -F FILE"),
            (["quota", "get", "-F", "a", "-A"], "only one of -u NAME, -A and -F FILE"),
            (["auth", "test", "anna"], "auth test USER PASSWORD"),
            (["auth", "test", "-x"], "-x needs a value"),
            (["auth", "login"], "unknown command"),
            (["who", "a", "b"], "who [MASK]"),
            (["who", "-v"], "unknown option -v"),
            (["mailbox"], "unknown command"),
            (["mailbox", "list"], "for which user?"),
            (["mailbox", "list", "-u"], "-u needs a value"),
            (["mailbox", "purge", "-A"], "unknown command: mailbox purge"),
            (["mailbox", "status", "-A", "messages"], "mailbox status -u USER"),
            (["mailbox", "status", "-A", "size", "*"], "unknown field: size; there are: all messages"),
            (["mailbox", "status", "-A", " ", "*"], "no fields"),
            (["mailbox", "create", "-A"], "mailbox create"),
            (["mailbox", "rename", "-u", "anna", "A"], "mailbox rename"),
            (["fetch", "-u", "anna", "uid"], "fetch -u USER FIELDS"),
            (["fetch", "-u", "anna", "uidl", "all"], "unknown field: uidl"),
            (["fetch", "-u", "anna", "hdr.", "all"], "unknown field: hdr."),
            (["fetch", "-u", "anna", "hdr.a:b", "all"], "unknown field: hdr.a:b"),
            (["search", "-u", "anna", "since", "yesterday"], "since: not a date: yesterday"),
            (["search", "-u", "anna", "unseen", "mailbox", "A"], "MAILBOX stands at the beginning"),
            (["expunge", "mailbox", "Trash"], "for which user?"),
            (["expunge", "-u", "anna", "mailbox", "INBOX"], "add \"all\""),
            (["expunge", "-A", "--", "mailbox", "INBOX", "mailbox", "Trash"], "add \"all\""),
            (["expunge", "-u", "anna", "all"], "name the mailboxes"),
            (["move", "-u", "anna", "Trash", "mailbox", "INBOX"], "move: to avoid accidents"),
            (["move", "-u", "anna", "Trash", "all"], "move: name the mailboxes"),
            (["copy", "-u", "anna", "Trash"], "copy -u USER MAILBOX QUERY..."),
            (["flags", "set", "-u", "anna", "\\Seen", "all"], "unknown command: flags set"),
            (["flags", "add", "-u", "anna", "\\Recent", "all"], "not a flag: \\Recent"),
            (["flags", "add", "-u", "anna", " ", "all"], "name flags"),
            (["flags", "add", "-u", "anna", "\\Seen"], "flags add -u USER FLAGS QUERY..."),
            (["force-resync", "-A"], "force-resync"),
            (["sieve", "filter", "-u", "anna", "main"], "sieve filter -u USER"),
            (["sieve", "filter", "-u", "anna", "-D", "trash", "main", "INBOX"], "-D trash"),
            (["why"], "why [-u USER]"),
            (["why", "INBOX", "1"], "whose mailbox?"),
            (["why", "-u", "anna", "INBOX", "0"], "not a UID"),
            (["sieve", "list"], "for which user?"),
            (["sieve", "run", "-A"], "unknown command: sieve run"),
            (["sieve", "list", "-A", "-a"], "unknown option -a"),
            (["sieve", "get", "-A"], "sieve get -u USER SCRIPT"),
        ] as [([String], String)])
    func refuses(_ words: [String], _ text: String) {
        let error = #expect(throws: AdminError.self) { _ = try AdminCommand(words: words) }
        #expect(error?.exit == .usage)
        #expect(error?.message.contains(text) == true, "\(error?.message ?? "")")
    }
}
