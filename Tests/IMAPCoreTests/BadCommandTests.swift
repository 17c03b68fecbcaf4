import Testing

@testable import IMAPCore

struct BadCase: CustomTestStringConvertible {
    var input: String
    var answer: String
    var testDescription: String { self.input }

    init(_ input: String, _ answer: String) {
        self.input = input
        self.answer = answer
    }
}

private let badCommands: [BadCase] = [
    BadCase("\r\n", "* BAD Expected a tag at octet 0"),
    BadCase("a\r\n", "* BAD Expected a space after the tag at octet 1"),
    BadCase("+ NOOP\r\n", "* BAD Expected a tag at octet 0"),
    BadCase("a  NOOP\r\n", "a BAD Expected a known command at octet 2"),
    BadCase("a BOGUS\r\n", "a BAD Expected a known command at octet 2"),
    BadCase("a NOOP x\r\n", "a BAD Expected the end of the command at octet 6"),
    BadCase("a NOOP \r\n", "a BAD Expected the end of the command at octet 6"),
    BadCase(
        "a UID NOOP\r\n",
        "a BAD Expected COPY, EXPUNGE, FETCH, FILTER, MOVE, SEARCH, SORT, STORE or THREAD after UID at octet 6"),
    BadCase("a LOGIN\r\n", "a BAD Expected a space at octet 7"),
    BadCase("a LOGIN x\r\n", "a BAD Expected a space at octet 9"),
    BadCase("a LOGIN \"x y\r\n", "a BAD Expected a closing quotation mark at octet 12"),
    BadCase("a LOGIN \"x\\y\" z\r\n", "a BAD Expected \"\\\" or a quotation mark after \"\\\" at octet 11"),
    BadCase("a LOGIN \"x\0\" z\r\n", "a BAD Expected no NUL, CR or LF in a quoted string at octet 10"),
    BadCase("a LOGIN {3+}\r\na\0b z\r\n", "a BAD Expected no NUL in a literal at octet 15"),
    BadCase("a AUTHENTICATE PLAIN !!!\r\n", "a BAD Expected an initial response in base64 at octet 21"),
    BadCase("a SELECT\r\n", "a BAD Expected a space at octet 8"),
    BadCase("a SELECT \r\n", "a BAD Expected a mailbox name at octet 9"),
    BadCase("a SELECT x (FOO)\r\n", "a BAD Expected CONDSTORE or QRESYNC, each once at octet 12"),
    BadCase("a SELECT x ()\r\n", "a BAD Expected CONDSTORE or QRESYNC, each once at octet 12"),
    BadCase("a CREATE x (USE (Drafts))\r\n", "a BAD Expected a special use such as \\Drafts at octet 17"),
    BadCase("a CREATE x (USE (\\))\r\n", "a BAD Expected a special use such as \\Drafts at octet 17"),
    BadCase("a STATUS x ()\r\n", "a BAD Expected a status item such as MESSAGES at octet 12"),
    BadCase(
        "a LIST (RECURSIVEMATCH) \"\" *\r\n", "a BAD Expected SUBSCRIBED beside RECURSIVEMATCH at octet 8"),
    BadCase("a LIST \"\" ()\r\n", "a BAD Expected a mailbox pattern at octet 11"),
    BadCase("a FETCH 0 FLAGS\r\n", "a BAD Expected a message number over 0 at octet 8"),
    BadCase("a FETCH 4294967296 FLAGS\r\n", "a BAD Expected a number below 4294967296 at octet 8"),
    BadCase(
        "a FETCH 99999999999999999999 FLAGS\r\n",
        "a BAD Expected a number below 9223372036854775808 at octet 8"),
    BadCase("a FETCH 1, FLAGS\r\n", "a BAD Expected a message number or \"*\" at octet 10"),
    BadCase("a FETCH 1 ()\r\n", "a BAD Expected a FETCH item at octet 11"),
    BadCase("a FETCH 1 (FLAGS\r\n", "a BAD Expected \")\" at octet 16"),
    BadCase("a FETCH 1 (FLAGS ALL)\r\n", "a BAD Expected a FETCH item at octet 17"),
    BadCase("a FETCH 1 BODY[MIME]\r\n", "a BAD Expected a part number, HEADER or TEXT at octet 15"),
    BadCase("a FETCH 1 BODY[0]\r\n", "a BAD Expected a part number over 0 at octet 15"),
    BadCase("a FETCH 1 BODY[1.]\r\n", "a BAD Expected a part number, HEADER, TEXT or MIME at octet 17"),
    BadCase("a FETCH 1 BODY[]<0.0>\r\n", "a BAD Expected a count of octets over 0 at octet 19"),
    BadCase(
        "a FETCH 1 BODY[]<9223372036854775808.1>\r\n",
        "a BAD Expected a number below 9223372036854775808 at octet 17"),
    BadCase("a FETCH 1 BODY[]<5>\r\n", "a BAD Expected \".\" at octet 18"),
    BadCase("a FETCH 1 BODY[HEADER.FIELDS ()]\r\n", "a BAD Expected a header field name at octet 30"),
    BadCase("a FETCH 1 BODY.PEEK\r\n", "a BAD Expected \"[\" at octet 19"),
    BadCase(
        "a STORE 1 FLAGS (\\*)\r\n",
        "a BAD Expected \\Answered, \\Flagged, \\Deleted, \\Seen, \\Draft or a keyword at octet 17"),
    BadCase("a STORE 1 FLAG x\r\n", "a BAD Expected FLAGS or FLAGS.SILENT at octet 10"),
    BadCase("a SEARCH\r\n", "a BAD Expected a space at octet 8"),
    BadCase("a SEARCH FOO\r\n", "a BAD Expected a search key at octet 9"),
    BadCase("a SEARCH ON 31-Feb-1994\r\n", "a BAD Expected a date such as 1-Feb-1994 at octet 12"),
    BadCase("a SEARCH (ALL\r\n", "a BAD Expected \")\" at octet 13"),
    BadCase(
        "a SEARCH RETURN (FOO) ALL\r\n",
        "a BAD Expected MIN, MAX, ALL, COUNT, one PARTIAL, CONTEXT, UPDATE, RELEVANCY or, in SEARCH, SAVE at octet 17"),
    BadCase("a APPEND x\r\n", "a BAD Expected a space at octet 10"),
    BadCase("a APPEND x hello\r\n", "a BAD Expected the message as a literal at octet 11"),
    // A mistake before a synchronizing literal is told at once: the client does not send the literal.
    BadCase("a BOGUS {5}\r\n", "a BAD Expected a known command at octet 2"),
    BadCase(
        "a APPEND x (\\*) {5}\r\n",
        "a BAD Expected \\Answered, \\Flagged, \\Deleted, \\Seen, \\Draft or a keyword at octet 12"),
    // Before a non-synchronizing one: the literal is read off.
    BadCase("a BOGUS {12+}\r\nb NOOP\r\nxxxx c\r\n", "a BAD Expected a known command at octet 2"),
    BadCase(
        "a APPEND x (\\*) {5+}\r\nhello {3+}\r\nabc\r\n",
        "a BAD Expected \\Answered, \\Flagged, \\Deleted, \\Seen, \\Draft or a keyword at octet 12"),
    BadCase("a LOGIN {99999}\r\n", "a NO [TOOBIG] Literal too large"),
    // Right by the grammar, but more than this server takes (RFC 5530 section 3).
    BadCase(
        "a STORE 1 +FLAGS (\(String(repeating: "k", count: 251)))\r\n",
        "a NO [LIMIT] Keywords have at most 250 octets"),
    BadCase("a SEARCH \(String(repeating: "(", count: 300))\r\n", "a NO [LIMIT] Nested too deeply"),
    BadCase(
        "a APPEND x (\(String(repeating: "k", count: 251))) {5+}\r\nhello\r\n",
        "a NO [LIMIT] Keywords have at most 250 octets"),
    // A date that there is not (RFC 9051 section 6.3.12).
    BadCase(
        "a APPEND x \"31-Feb-2020 00:00:00 +0000\" {5}\r\n", "a NO There is no such date and time"),
    BadCase(
        "a APPEND x \" 1-Feb-2020 00:00:00 +2400\" {5+}\r\nhello\r\n", "a NO There is no such date and time"),
    BadCase(
        "a APPEND x \"1-Feb-2020\" {5}\r\n",
        "a BAD Expected a date such as \"17-Jul-1996 02:44:25 -0700\" at octet 11"),
]

private func answer(_ event: Event) -> String? {
    guard case .step(.failed(let error)) = event else { return nil }
    var encoder = ResponseEncoder()
    encoder.failed(error)
    return String(decoding: encoder.bytes.dropLast(2), as: UTF8.self)
}

@Test(arguments: badCommands)
private func refusesCommand(_ bad: BadCase) {
    let (whole, differing) = events(bad.input + "z NOOP\r\n")
    #expect(whole.count == 2)
    #expect(whole.first.flatMap(answer) == bad.answer)
    #expect(whole.last == command("z", .noop), "the session goes on with the next command")
    #expect(differing == nil)
}

@Test func textAfterAppendedMessageFailsTheAppend() {
    let (whole, differing) = events("a APPEND x {2+}\r\nhi there\r\nb NOOP\r\n")
    #expect(whole.count == 4)
    #expect(
        whole.dropFirst(2).first.flatMap(answer)
            == "a BAD Expected the message as a literal at octet 1")
    #expect(whole.last == command("b", .noop))
    #expect(differing == nil)
}

// MARK: Hostile input

private func failure(_ input: [UInt8], limits: CommandLimits = CommandLimits()) -> CommandError? {
    for event in drive([input], limits: limits) {
        if case .step(.failed(let error)) = event { return error }
    }
    return nil
}

@Test func bounds() {
    let parens = bytes("a SEARCH " + String(repeating: "(", count: 50_000) + "\r\n")
    #expect(failure(parens)?.code == .tooComplex)
    let nots = bytes("a SEARCH " + String(repeating: "NOT ", count: 16_000) + "ALL\r\n")
    #expect(failure(nots)?.code == .tooComplex)
    let keys = bytes("a SEARCH " + String(repeating: "ALL ", count: 16_000) + "ALL\r\n")
    #expect(failure(keys)?.code == .tooComplex)
    var wide = CommandLimits()
    wide.lineLength = 1 << 20
    #expect(
        failure(bytes("a SEARCH " + String(repeating: "ALL ", count: 50_000) + "ALL\r\n"), limits: wide)?.code
            == .tooComplex)
    #expect(
        failure(bytes("a SEARCH " + String(repeating: "(", count: 100_000) + "\r\n"), limits: wide)?.code
            == .tooComplex)
    #expect(
        failure(bytes("a FETCH 1" + String(repeating: ",1", count: 100_000) + " UID\r\n"), limits: wide)?.code
            == .tooComplex)
    let items = (1...400).map { "BODY[\($0)]" }.joined(separator: " ")
    #expect(failure(bytes("a FETCH 1 (\(items))\r\n"))?.code == .tooComplex)
    let part = [String](repeating: "1", count: 5000).joined(separator: ".")
    #expect(failure(bytes("a FETCH 1 BODY[\(part)]\r\n"))?.code == .tooComplex)
}

@Test func endlessLineClosesTheSession() {
    let limits = CommandLimits()
    let line = bytes("tag LOGIN ") + [UInt8](repeating: 0x61, count: limits.lineLength + 5)
    let error = failure(line)
    #expect(error?.code == .lineTooLong)
    #expect(error?.recovery == .close)
    #expect(error?.tag == Tag(bytes("tag")))
    #expect(failure([UInt8](repeating: 0x61, count: 100_000))?.tag == nil)
}

@Test func literalsDoNotLiftTheLineLimit() {
    let limits = CommandLimits()
    let many =
        bytes("a LOGIN ") + bytes(String(repeating: "{0+}\r\n ", count: limits.literalCount + 1))
        + bytes("\r\n")
    #expect(failure(many)?.code == .literalTooBig)
    let endless = bytes("a LOGIN ") + bytes(String(repeating: "{0+}\r\n ", count: limits.lineLength / 7 + 1))
    #expect(failure(endless)?.code == .lineTooLong)
    #expect(failure(endless)?.recovery == .close)
}

@Test(arguments: [
    "99999999999999999999999999", "18446744073709551615", "18446744073709551616", "1000000000000",
])
func giantLiteralClosesTheSession(_ size: String) {
    let error = failure(bytes("a LOGIN {\(size)+}\r\n"))
    #expect(error?.recovery == .close)
    #expect(failure(bytes("a LOGIN {\(size)}\r\n"))?.recovery == .nextCommand)
    let append = drive([bytes("a APPEND x {\(size)}\r\n")])
    #expect(append.first != nil, "an APPEND of any size is for the store to refuse, or a BAD")
}

@Test func everyOctetInEveryPlaceIsSurvived() {
    let template = bytes("a UID FETCH 1:2 (BODY[1.HEADER.FIELDS (\"x\")]<1.2> {3+}\r\nabc FLAGS)\r\n")
    for position in template.indices {
        for octet in UInt8.min...UInt8.max {
            var input = template
            input[position] = octet
            _ = drive([input])
        }
    }
}
