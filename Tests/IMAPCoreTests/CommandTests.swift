import MIMECore
import MailCore
import Testing

@testable import IMAPCore

struct CommandCase: CustomTestStringConvertible {
    var input: String
    var expected: [Event]

    init(_ input: String, _ expected: Command, tag: String) {
        self.input = input
        self.expected = [command(tag, expected)]
    }

    init(_ input: String, _ expected: [Event]) {
        self.input = input
        self.expected = expected
    }

    var testDescription: String { self.input }
}

private let february = CivilDate(year: 1994, month: 2, day: 1)
private func header(_ name: String, _ value: String) -> SearchKey {
    .header(name: bytes(name), contains: bytes(value))
}

/// The examples of the RFCs, each under its section.
let rfcExamples: [CommandCase] = [
    // RFC 10022
    CommandCase("A143 UIDBATCHES 2000\r\n", .uidBatches(UIDBatchesCommand(size: 2000)), tag: "A143"),
    CommandCase(
        "A302 uidbatches 2000 10:20\r\n",
        .uidBatches(UIDBatchesCommand(size: 2000, wanted: UIDBatchesCommand.Wanted(first: 10, last: 20))),
        tag: "A302"),
    // RFC 9738 section 3.2
    CommandCase(
        "a UID SEARCH UIDAFTER 25000 UIDBEFORE 27000\r\n",
        .search(
            SearchCommand(
                numbering: .uid,
                key: .and([
                    .uid(SequenceSet([SequenceSet.Element(first: 25001, last: .max)])),
                    .uid(SequenceSet([SequenceSet.Element(first: 1, last: 26999)])),
                ]))), tag: "a"),
    // RFC 3501 sections 6.1 and 6.2
    CommandCase("abcd CAPABILITY\r\n", .capability, tag: "abcd"),
    CommandCase("a002 NOOP\r\n", .noop, tag: "a002"),
    CommandCase("A023 LOGOUT\r\n", .logout, tag: "A023"),
    CommandCase("a002 STARTTLS\r\n", .startTLS, tag: "a002"),
    CommandCase(
        "a001 AUTHENTICATE GSSAPI\r\n", .authenticate(AuthenticateCommand(mechanism: bytes("GSSAPI"))),
        tag: "a001"),
    CommandCase(
        "a001 LOGIN SMITH SESAME\r\n", .login(user: bytes("SMITH"), password: bytes("SESAME")), tag: "a001"),
    // RFC 4959 sections 3 and 7
    CommandCase(
        "C01 AUTHENTICATE PLAIN dGVzdAB0ZXN0AHRlc3Q=\r\n",
        .authenticate(
            AuthenticateCommand(mechanism: bytes("PLAIN"), initialResponse: bytes("test\0test\0test"))),
        tag: "C01"),
    CommandCase(
        "C01 authenticate external =\r\n",
        .authenticate(AuthenticateCommand(mechanism: bytes("EXTERNAL"), initialResponse: [])), tag: "C01"),
    // RFC 2971 section 3.1
    CommandCase(
        "a023 ID (\"name\" \"sodr\" \"version\" \"19.34\" \"vendor\" NIL)\r\n",
        .id(
            IDParameters(fields: [
                .init(name: bytes("name"), value: bytes("sodr")),
                .init(name: bytes("version"), value: bytes("19.34")),
                .init(name: bytes("vendor"), value: nil),
            ])), tag: "a023"),
    CommandCase("a042 ID NIL\r\n", .id(IDParameters()), tag: "a042"),
    // RFC 5161 section 3.1
    CommandCase(
        "t2 ENABLE CONDSTORE X-GOOD-IDEA\r\n", .enable([bytes("CONDSTORE"), bytes("X-GOOD-IDEA")]), tag: "t2"),
    // RFC 3501 section 6.3
    CommandCase("A142 SELECT INBOX\r\n", .select(box("INBOX"), SelectParameters()), tag: "A142"),
    CommandCase(
        "A932 EXAMINE blurdybloop\r\n", .examine(box("blurdybloop"), SelectParameters()), tag: "A932"),
    CommandCase(
        "A142 SELECT INBOX (CONDSTORE)\r\n", .select(box("INBOX"), SelectParameters(enablesCondStore: true)),
        tag: "A142"),
    // RFC 7162 sections 3.2.5 and 3.2.6
    CommandCase(
        "A03 SELECT INBOX (QRESYNC (67890007 90060115194045000 41:211,214:541))\r\n",
        .select(
            box("INBOX"),
            SelectParameters(
                quickResync: QuickResync(
                    uidValidity: UIDValidity(rawValue: 67_890_007)!,
                    modSeq: ModSeq(rawValue: 90_060_115_194_045_000), knownUIDs: set((41, 211), (214, 541))))),
        tag: "A03"),
    CommandCase(
        "B04 EXAMINE INBOX (QRESYNC (67890007 90060115194045000 1:29997 (5000,9990:9991 15000,29970,29973)) condstore)\r\n",
        .examine(
            box("INBOX"),
            SelectParameters(
                enablesCondStore: true,
                quickResync: QuickResync(
                    uidValidity: UIDValidity(rawValue: 67_890_007)!,
                    modSeq: ModSeq(rawValue: 90_060_115_194_045_000), knownUIDs: set((1, 29997)),
                    match: .init(
                        sequenceNumbers: set((5000, 5000), (9990, 9991)),
                        uids: set((15000, 15000), (29970, 29970), (29973, 29973)))))),
        tag: "B04"),
    CommandCase(
        "s100 UID FETCH 300:500 (FLAGS) (CHANGEDSINCE 12345 VANISHED)\r\n",
        .fetch(
            FetchCommand(
                numbering: .uid, messages: set((300, 500)), items: [.flags],
                changedSince: ModSeq(rawValue: 12345), asksForVanished: true)), tag: "s100"),
    CommandCase("A003 CREATE owatagusiam/\r\n", .create(box("owatagusiam/"), use: []), tag: "A003"),
    CommandCase(
        "t1 CREATE MyDrafts (USE (\\Drafts))\r\n", .create(box("MyDrafts"), use: [.drafts]), tag: "t1"),
    CommandCase(
        "t1 CREATE x (USE (\\x_1 \\sent \\Important))\r\n", .create(box("x"), use: [nil, .sent]), tag: "t1"),
    CommandCase("A683 DELETE blurdybloop\r\n", .delete(box("blurdybloop")), tag: "A683"),
    CommandCase(
        "A683 RENAME blurdybloop sarasoop\r\n", .rename(box("blurdybloop"), to: box("sarasoop")), tag: "A683"),
    CommandCase(
        "A002 SUBSCRIBE #news.comp.mail.mime\r\n", .subscribe(box("#news.comp.mail.mime")), tag: "A002"),
    CommandCase(
        "A002 UNSUBSCRIBE #news.comp.mail.mime\r\n", .unsubscribe(box("#news.comp.mail.mime")), tag: "A002"),
    CommandCase(
        "A101 LIST \"\" \"\"\r\n", .list(ListCommand(reference: box(""), patterns: [[]])), tag: "A101"),
    CommandCase(
        "A202 LIST ~/Mail/ %\r\n", .list(ListCommand(reference: box("~/Mail/"), patterns: [bytes("%")])),
        tag: "A202"),
    CommandCase(
        "A002 LSUB \"#news.\" \"comp.mail.*\"\r\n",
        .lsub(reference: box("#news."), pattern: bytes("comp.mail.*")), tag: "A002"),
    CommandCase(
        "A042 STATUS blurdybloop (UIDNEXT MESSAGES)\r\n", .status(box("blurdybloop"), [.uidNext, .messages]),
        tag: "A042"),
    CommandCase("A001 NAMESPACE\r\n", .namespace, tag: "A001"),
    CommandCase("A002 IDLE\r\n", .idle, tag: "A002"),
    // RFC 5258 section 5, RFC 5819 section 4, RFC 6154 section 5.2
    CommandCase(
        "A02 LIST (SUBSCRIBED) \"\" \"*\"\r\n",
        .list(
            ListCommand(selection: .subscribed, reference: box(""), patterns: [bytes("*")], isExtended: true)),
        tag: "A02"),
    CommandCase(
        "A03 LIST () \"\" \"%\" RETURN (CHILDREN)\r\n",
        .list(ListCommand(reference: box(""), patterns: [bytes("%")], returns: .children, isExtended: true)),
        tag: "A03"),
    CommandCase(
        "BBB LIST \"\" (\"INBOX\" \"Drafts\" \"Sent/%\")\r\n",
        .list(
            ListCommand(
                reference: box(""), patterns: [bytes("INBOX"), bytes("Drafts"), bytes("Sent/%")],
                isExtended: true)),
        tag: "BBB"),
    CommandCase(
        "C06 LIST (RECURSIVEMATCH SUBSCRIBED) \"\" %\r\n",
        .list(
            ListCommand(
                selection: [.subscribed, .recursiveMatch], reference: box(""), patterns: [bytes("%")],
                isExtended: true)), tag: "C06"),
    CommandCase(
        "A01 LIST \"\" % RETURN (STATUS (MESSAGES UNSEEN) SPECIAL-USE)\r\n",
        .list(
            ListCommand(
                reference: box(""), patterns: [bytes("%")], returns: .specialUse,
                statusItems: [.messages, .unseen], isExtended: true)), tag: "A01"),
    // RFC 3501 section 6.4
    CommandCase("FXXZ CHECK\r\n", .check, tag: "FXXZ"),
    CommandCase("A341 CLOSE\r\n", .close, tag: "A341"),
    CommandCase("A202 EXPUNGE\r\n", .expunge, tag: "A202"),
    CommandCase("A003 UID EXPUNGE 3000:3002\r\n", .uidExpunge(set((3000, 3002))), tag: "A003"),
    CommandCase("t1 UNSELECT\r\n", .unselect, tag: "t1"),
    CommandCase(
        "A282 SEARCH FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\"\r\n",
        .search(
            SearchCommand(
                numbering: .sequenceNumber,
                key: .and([.flags(.flagged), .since(february), .not(header("from", "Smith"))]))),
        tag: "A282"),
    CommandCase(
        "A283 SEARCH TEXT \"string not in mailbox\"\r\n",
        .search(SearchCommand(numbering: .sequenceNumber, key: .text(bytes("string not in mailbox")))),
        tag: "A283"),
    CommandCase(
        "A284 SEARCH CHARSET UTF-8 TEXT {6}\r\nfoobar\r\n",
        [
            .step(.sendContinuation),
            command(
                "A284",
                .search(
                    SearchCommand(
                        numbering: .sequenceNumber, charset: bytes("UTF-8"), key: .text(bytes("foobar"))))),
        ]),
    // RFC 4731 section 3.1, RFC 7162 section 3.1.5
    CommandCase(
        "A283 UID SEARCH RETURN () 1:500 OR KEYWORD $x ON 1-feb-1994\r\n",
        .search(
            SearchCommand(
                numbering: .uid, returns: .all,
                key: .and([.sequence(set((1, 500))), .or(.keyword(Keyword("$x")!), .on(february))]))),
        tag: "A283"),
    CommandCase(
        "a SEARCH MODSEQ \"/flags/\\\\draft\" all 620162338\r\n",
        .search(
            SearchCommand(numbering: .sequenceNumber, key: .modSeq(ModSeq(rawValue: 620_162_338)))), tag: "a"),
    CommandCase(
        "t SEARCH MODSEQ 620162338 LARGER 50000\r\n",
        .search(
            SearchCommand(
                numbering: .sequenceNumber,
                key: .and([.modSeq(ModSeq(rawValue: 620_162_338)), .larger(50000)]))), tag: "t"),
    // RFC 5182 section 2.2, RFC 5032 section 4
    CommandCase(
        "A282 SEARCH RETURN (SAVE) FLAGGED SINCE 1-Feb-1994\r\n",
        .search(
            SearchCommand(
                numbering: .sequenceNumber, returns: .save, key: .and([.flags(.flagged), .since(february)]))),
        tag: "A282"),
    CommandCase(
        "A283 FETCH $ (UID)\r\n",
        .fetch(FetchCommand(numbering: .sequenceNumber, messages: .savedResult, items: [.uid])), tag: "A283"),
    CommandCase(
        "P283 SEARCH OR $ 1,3000:3021\r\n",
        .search(
            SearchCommand(
                numbering: .sequenceNumber,
                key: .or(.sequence(.savedResult), .sequence(set((1, 1), (3000, 3021)))))),
        tag: "P283"),
    CommandCase(
        "a1 SEARCH UNSEEN YOUNGER 259200 older 1\r\n",
        .search(
            SearchCommand(
                numbering: .sequenceNumber, key: .and([.notFlags(.seen), .younger(259200), .older(1)]))),
        tag: "a1"),
    // RFC 5256 section 3, RFC 5267 section 3.3
    CommandCase(
        "A282 SORT (SUBJECT) UTF-8 SINCE 1-Feb-1994\r\n",
        .sort(
            SortCommand(
                [.init(.subject)],
                SearchCommand(numbering: .sequenceNumber, charset: bytes("UTF-8"), key: .since(february)))),
        tag: "A282"),
    CommandCase(
        "A283 SORT (SUBJECT REVERSE DATE subject) UTF-8 ALL\r\n",
        .sort(
            SortCommand(
                [.init(.subject), .init(.date, .descending)],
                SearchCommand(numbering: .sequenceNumber, charset: bytes("UTF-8"), key: .all))), tag: "A283"),
    CommandCase(
        "E01 UID SORT RETURN (COUNT) (REVERSE DISPLAYFROM) \"UTF-8\" UNSEEN\r\n",
        .sort(
            SortCommand(
                [.init(.displayFrom, .descending)],
                SearchCommand(
                    numbering: .uid, returns: .count, charset: bytes("UTF-8"), key: .notFlags(.seen)))),
        tag: "E01"),
    CommandCase(
        "A284 THREAD ORDEREDSUBJECT US-ASCII TEXT \"gewp\"\r\n",
        .thread(
            ThreadCommand(
                .orderedSubject,
                SearchCommand(
                    numbering: .sequenceNumber, charset: bytes("US-ASCII"), key: .text(bytes("gewp"))))),
        tag: "A284"),
    CommandCase(
        "A285 uid thread references utf-8 ALL\r\n",
        .thread(
            ThreadCommand(.references, SearchCommand(numbering: .uid, charset: bytes("UTF-8"), key: .all))),
        tag: "A285"),
    CommandCase(
        "A654 FETCH 2:4 (FLAGS BODY[HEADER.FIELDS (DATE FROM)])\r\n",
        .fetch(
            FetchCommand(
                numbering: .sequenceNumber, messages: set((2, 4)),
                items: [
                    .flags,
                    .section(
                        FetchSection(
                            section: Section(kind: .headerFields([bytes("DATE"), bytes("FROM")])),
                            isPeek: false)),
                ])), tag: "A654"),
    CommandCase(
        "s UID FETCH 1:* (FLAGS) (CHANGEDSINCE 12345)\r\n",
        .fetch(
            FetchCommand(
                numbering: .uid, messages: set((1, 0)), items: [.flags],
                changedSince: ModSeq(rawValue: 12345))), tag: "s"),
    CommandCase(
        "a FETCH 1 BODY.PEEK[1.2.HEADER.FIELDS.NOT (a b)]<0.100>\r\n",
        .fetch(
            FetchCommand(
                numbering: .sequenceNumber, messages: set((1, 1)),
                items: [
                    .section(
                        FetchSection(
                            section: Section(
                                path: [1, 2], kind: .headerFieldsNot([bytes("a"), bytes("b")])),
                            partial: .init(first: 0, count: 100), isPeek: true))
                ])), tag: "a"),
    CommandCase(
        "a FETCH 1 (BODY[]<4294967296.9223372036854775807> BINARY.PEEK[]<9223372036854775807.1>)\r\n",
        .fetch(
            FetchCommand(
                numbering: .sequenceNumber, messages: set((1, 1)),
                items: [
                    .section(
                        FetchSection(
                            section: Section(), partial: .init(first: 4_294_967_296, count: UInt64(Int64.max)),
                            isPeek: false)),
                    .binary(
                        FetchBinary(
                            path: [], partial: .init(first: UInt64(Int64.max), count: 1), isPeek: true)),
                ])), tag: "a"),
    CommandCase(
        "a FETCH 1 (BODY[] BODY[4.2.2.1] BODY[3.MIME] BODY[TEXT] BODY BODYSTRUCTURE ENVELOPE)\r\n",
        .fetch(
            FetchCommand(
                numbering: .sequenceNumber, messages: set((1, 1)),
                items: [
                    .section(FetchSection(section: Section(), isPeek: false)),
                    .section(FetchSection(section: Section(path: [4, 2, 2, 1]), isPeek: false)),
                    .section(FetchSection(section: Section(path: [3], kind: .mime), isPeek: false)),
                    .section(FetchSection(section: Section(kind: .text), isPeek: false)),
                    .body, .bodyStructure, .envelope,
                ])), tag: "a"),
    CommandCase(
        "a FETCH 1 (BINARY[1.2]<3.4> BINARY.PEEK[] BINARY.SIZE[2])\r\n",
        .fetch(
            FetchCommand(
                numbering: .sequenceNumber, messages: set((1, 1)),
                items: [
                    .binary(
                        FetchBinary(path: [1, 2], partial: .init(first: 3, count: 4), isPeek: false)),
                    .binary(FetchBinary(path: [], isPeek: true)), .binarySize([2]),
                ])), tag: "a"),
    CommandCase(
        "a FETCH * FULL\r\n",
        .fetch(
            FetchCommand(
                numbering: .sequenceNumber, messages: set((0, 0)),
                items: [.flags, .internalDate, .size, .envelope, .body])), tag: "a"),
    CommandCase(
        "a FETCH 1 (RFC822 RFC822.HEADER RFC822.TEXT RFC822.SIZE INTERNALDATE UID MODSEQ)\r\n",
        .fetch(
            FetchCommand(
                numbering: .sequenceNumber, messages: set((1, 1)),
                items: [.rfc822, .rfc822Header, .rfc822Text, .size, .internalDate, .uid, .modSeq])), tag: "a"),
    CommandCase(
        "A003 STORE 2:4 +FLAGS (\\Deleted)\r\n",
        .store(
            StoreCommand(
                numbering: .sequenceNumber, messages: set((2, 4)), action: .add,
                flags: FlagList(system: .deleted))), tag: "A003"),
    CommandCase(
        "a106 STORE 100:150 (UNCHANGEDSINCE 212030000000) -FLAGS.SILENT \\Seen $Processed\r\n",
        .store(
            StoreCommand(
                numbering: .sequenceNumber, messages: set((100, 150)),
                unchangedSince: ModSeq(rawValue: 212_030_000_000), action: .remove, isSilent: true,
                flags: FlagList(system: .seen, keywords: [Keyword("$Processed")!]))), tag: "a106"),
    // flag-extension of RFC 9051 section 9
    CommandCase(
        "a STORE 1 +FLAGS (\\Foo \\Seen \\x+y[ $z)\r\n",
        .store(
            StoreCommand(
                numbering: .sequenceNumber, messages: set((1, 1)), action: .add,
                flags: FlagList(system: .seen, keywords: [Keyword("$z")!]))), tag: "a"),
    CommandCase(
        "A003 COPY 2:4 MEETING\r\n",
        .copy(CopyCommand(numbering: .sequenceNumber, messages: set((2, 4)), mailbox: box("MEETING"))),
        tag: "A003"),
    CommandCase(
        "a UID MOVE 42:69 foo\r\n",
        .move(CopyCommand(numbering: .uid, messages: set((42, 69)), mailbox: box("foo"))), tag: "a"),
    // RFC 7888 section 4
    CommandCase(
        "A001 LOGIN {11+}\r\nFRED FOOBAR {7+}\r\nfat man\r\n",
        .login(user: bytes("FRED FOOBAR"), password: bytes("fat man")), tag: "A001"),
    CommandCase(
        "A001 LOGIN {0+}\r\n {0}\r\n\r\n",
        [.step(.sendContinuation), command("A001", .login(user: [], password: []))]),
    // RFC 3501 section 6.3.11 and RFC 3502 section 6.3.11
    CommandCase(
        "A003 APPEND saved-messages (\\Seen) {5}\r\nhello\r\nb NOOP\r\n",
        [
            .step(
                .append(
                    AppendCommand(
                        tag: Tag(bytes("A003"))!, mailbox: box("saved-messages"),
                        message: AppendMessage(
                            flags: FlagList(system: .seen), size: 5, isSynchronizing: true)))),
            .message(bytes("hello")), .step(.appendEnd), command("b", .noop),
        ]),
    CommandCase(
        "A003 APPEND {3+}\r\nbox (\\Seen \\Recent x) \"17-Jul-1996 02:44:25 -0700\" ~{2+}\r\n\r\n {0+}\r\n\r\n",
        [
            .step(
                .append(
                    AppendCommand(
                        tag: Tag(bytes("A003"))!, mailbox: box("box"),
                        message: AppendMessage(
                            flags: FlagList(system: .seen, keywords: [Keyword("x")!]),
                            date: MessageDate(secondsSince1970: 837_596_665, zoneOffsetMinutes: -420), size: 2,
                            isSynchronizing: false, isBinary: true)))),
            .message(bytes("\r\n")),
            .step(.appendNext(AppendMessage(size: 0, isSynchronizing: false))),
            .step(.appendEnd),
        ]),
    // Pipelined, in any case, and with bare line feeds, as people type into a terminal.
    CommandCase(
        "1 nOoP\n2 Check\r\n3 uid copy 1 \"a\\\"b\\\\c\"\r\n",
        [
            command("1", .noop), command("2", .check),
            command("3", .copy(CopyCommand(numbering: .uid, messages: set((1, 1)), mailbox: box("a\"b\\c")))),
        ]),
]

@Test(arguments: rfcExamples)
func readsCommand(_ example: CommandCase) {
    let (whole, differing) = events(example.input)
    #expect(whole == example.expected)
    #expect(differing == nil)
}
