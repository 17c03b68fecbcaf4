import MIMECore
import MailCore
import Testing

@testable import IMAPCore

private func wire(_ write: (inout ResponseEncoder) -> Void) -> String {
    var encoder = ResponseEncoder()
    write(&encoder)
    return String(decoding: encoder.take(), as: UTF8.self)
}

private let tag = Tag(bytes("a1"))!

@Test func statusResponses() {
    #expect(wire { $0.tagged(tag, .ok, "Done") } == "a1 OK Done\r\n")
    #expect(wire { $0.tagged(tag, .no, .overQuota, text: "a\r\nb") } == "a1 NO [OVERQUOTA] a  b\r\n")
    #expect(
        wire { $0.untagged(.ok, .permanentFlags([.seen], [], canCreate: true), "x") }
            == "* OK [PERMANENTFLAGS (\\Seen \\*)] x\r\n")
    #expect(
        wire { $0.untagged(.ok, .permanentFlags([], [], canCreate: true), "x") }
            == "* OK [PERMANENTFLAGS (\\*)] x\r\n")
    let uids = UIDSet([UID(nonZero: 304), UID(nonZero: 319), UID(nonZero: 320)])
    let targets = UIDSet([UID(nonZero: 3956), UID(nonZero: 3957), UID(nonZero: 3958)])
    #expect(
        wire {
            $0.tagged(tag, .ok, .copyUID(UIDValidity(rawValue: 38505)!, from: uids, to: targets), "Done")
        } == "a1 OK [COPYUID 38505 304,319:320 3956:3958] Done\r\n")
    #expect(wire { $0.untagged(.ok, .modified([7...7, 9...10]), "x") } == "* OK [MODIFIED 7,9:10] x\r\n")
    // RFC 9738 section 3.1, RFC 9586, RFC 10022
    #expect(
        wire { $0.untagged(.no, .messageLimit(1000, UID(rawValue: 20221)!), "x") }
            == "* NO [MESSAGELIMIT 1000 20221] x\r\n")
    #expect(wire { $0.untagged(.no, .messageLimit(1000, nil), "x") } == "* NO [MESSAGELIMIT 1000] x\r\n")
    #expect(wire { $0.untagged(.no, .uidRequired, "x") } == "* NO [UIDREQUIRED] x\r\n")
    #expect(wire { $0.untagged(.no, .tooFew, "x") } == "* NO [TOOFEW] x\r\n")
}

@Test func strings() {
    func string(_ text: String) -> String {
        var out: [UInt8] = []
        out.appendIMAPString(bytes(text))
        return String(decoding: out, as: UTF8.self)
    }
    #expect(string("") == "\"\"")
    #expect(string("a\"b\\c") == "\"a\\\"b\\\\c\"")
    #expect(string("ü") == "{2}\r\nü")
    #expect(string("a\r\n") == "{3}\r\na\r\n")
    #expect(string(String(repeating: "x", count: 1001)).hasPrefix("{1001}\r\n"))
    var out: [UInt8] = []
    for text in ["abc", "a b", "NIL", "", "a]b", "a%"] {
        out.appendAString(bytes(text))
        out.append(0x20)
    }
    #expect(String(decoding: out, as: UTF8.self) == "abc \"a b\" \"NIL\" \"\" a]b \"a%\" ")
}

@Test func mailboxResponses() {
    #expect(
        wire { $0.list("LIST", [.hasNoChildren], uses: [.sent], separator: 0x2F, name: box("Sent")) }
            == "* LIST (\\HasNoChildren \\Sent) \"/\" Sent\r\n")
    #expect(
        wire {
            $0.list("LIST", [.nonExistent], separator: 0x2F, name: box("foo"), childInfo: ["SUBSCRIBED"])
        } == "* LIST (\\NonExistent) \"/\" foo (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n")
    #expect(
        wire { $0.list("LIST", [.hasNoChildren, .noAccess], separator: 0x2F, name: box("foo")) }
            == "* LIST (\\HasNoChildren \\NoAccess) \"/\" foo\r\n")
    #expect(
        wire { $0.list("LIST", [.noSelect], separator: nil, name: box("")) }
            == "* LIST (\\Noselect) NIL \"\"\r\n")
    #expect(
        wire { $0.status(box("a b"), [(.messages, .number(5)), (.uidNext, .number(9))]) }
            == "* STATUS \"a b\" (MESSAGES 5 UIDNEXT 9)\r\n")
    #expect(
        wire {
            $0.namespace(personal: [.init(prefix: box(""), separator: 0x2F)], other: [], shared: [])
        } == "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n")
    #expect(wire { $0.id([("name", "x")]) } == "* ID (\"name\" \"x\")\r\n")
}

@Test func searchResponses() {
    #expect(wire { $0.search([2, 3, 4, 9]) } == "* SEARCH 2 3 4 9\r\n")
    #expect(
        wire { $0.search([1, 9, 10, 99, 100, 999_999_999, 1_000_000_000, .max]) }
            == "* SEARCH 1 9 10 99 100 999999999 1000000000 4294967295\r\n")
    #expect(wire { $0.search([], modSeq: ModSeq(rawValue: 5)) } == "* SEARCH\r\n")
    #expect(wire { $0.search([2], modSeq: ModSeq(rawValue: 5)) } == "* SEARCH 2 (MODSEQ 5)\r\n")
    var result = ExtendedSearchResult()
    result.count = 3
    result.all = [2...2, 10...11]
    #expect(
        wire { $0.extendedSearch(SearchCorrelator(tag), numbering: .uid, result) }
            == "* ESEARCH (TAG \"a1\") UID ALL 2,10:11 COUNT 3\r\n")
}

@Test func fetchResponses() {
    var out: [UInt8] = []
    var response = FetchResponse(SequenceNumber(index: 11), into: &out)
    response.flags([.seen], isRecent: true, keywords: [Keyword("$x")!], into: &out)
    response.uid(UID(nonZero: 7), into: &out)
    response.size(44, into: &out)
    response.modSeq(ModSeq(rawValue: 9), into: &out)
    let section = Section(path: [1], kind: .headerFields([bytes("From"), bytes("a b")]))
    let item = FetchItem.section(FetchSection(section: section, partial: .init(first: 3, count: 9), isPeek: true))
    response.beginOctets(FetchResponse.octetsName(item), into: &out)
    out.appendIMAPString(bytes("x"))
    response.end(into: &out)
    #expect(
        String(decoding: out, as: UTF8.self)
            == "* 12 FETCH (FLAGS (\\Recent \\Seen $x) UID 7 RFC822.SIZE 44 MODSEQ (9) "
            + "BODY[1.HEADER.FIELDS (From \"a b\")]<3> \"x\")\r\n")
}
