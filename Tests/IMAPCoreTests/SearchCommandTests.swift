import IMAPCore
import MailCore
import Testing

/// SEARCH, SORT and ESEARCH with the options and keys of the extensions; well-formed commands and what is none.
@Suite struct SearchCommandTests {
    private func parse(_ text: String) -> CommandParser.Step {
        var parser = CommandParser()
        var consumed = 0
        return parser.next(Array((text + "\r\n").utf8).span, consumed: &consumed)
    }

    private func search(_ text: String) -> SearchCommand? {
        guard case .command(let tagged) = self.parse(text) else { return nil }
        switch tagged.command {
        case .search(let search): return search
        case .sort(let sort): return sort.search
        case .multiSearch(let multi): return multi.search
        default: return nil
        }
    }

    // RFC 9394 section 3.1
    @Test(arguments: [
        ("1:500", PartialRange(.first, 1, 500)), ("500:400", PartialRange(.first, 500, 400)),
        ("-1:-100", PartialRange(.last, 1, 100)), ("7:7", PartialRange(.first, 7, 7)),
        ("4294967295:1", PartialRange(.first, .max, 1)),
    ])
    func partialRanges(_ text: String, _ range: PartialRange) {
        for command in ["SEARCH RETURN (PARTIAL \(text)) ALL", "SORT RETURN (PARTIAL \(text)) (DATE) UTF-8 ALL"] {
            #expect(self.search("a UID \(command)")?.partial == range)
        }
    }

    @Test(
        arguments: [
            (1, 500, 1000, 0..<500), (500, 501, 500, 499..<500), (501, 600, 500, 500..<500), (3, 2, 10, 1..<3),
            (1, .max, 0, 0..<0), (.max, .max, 5, 5..<5),
        ] as [(UInt32, UInt32, Int, Range<Int>)])
    func positions(_ one: UInt32, _ other: UInt32, _ count: Int, _ expected: Range<Int>) {
        #expect(PartialRange(.first, one, other).positions(of: count) == expected)
        // From the other end it is the mirror image.
        let mirrored = count - expected.upperBound..<count - expected.lowerBound
        #expect(PartialRange(.last, one, other).positions(of: count) == mirrored)
    }

    @Test(arguments: [
        "SEARCH RETURN (PARTIAL 1:2 ALL) ALL", "SEARCH RETURN (PARTIAL 0:2) ALL", "SEARCH RETURN (PARTIAL 1:-2) ALL",
        "SEARCH RETURN (PARTIAL -1:2) ALL", "SEARCH RETURN (PARTIAL 1:*) ALL", "SEARCH RETURN (PARTIAL) ALL",
        "SEARCH RETURN (PARTIAL 1:2 PARTIAL 3:4) ALL", "SEARCH RETURN (PARTIAL --1:-2) ALL",
        "SEARCH RETURN (RELEVANCY) ALL", "SEARCH FUZZY", "SEARCH FUZZY()", "SORT (RELEVANCY) UTF-8 ALL",
        "SORT RETURN (SAVE) (DATE) UTF-8 ALL", "ESEARCH", "ESEARCH IN (selected)", "ESEARCH IN () ALL",
        "ESEARCH IN selected ALL", "ESEARCH IN (mailboxes) ALL", "ESEARCH IN (mailboxes ()) ALL",
        "ESEARCH IN (subtree a b) ALL", "ESEARCH IN (selected-delayed) ALL", "ESEARCH IN (selected (x y)) ALL",
        "ESEARCH IN (selected) IN (selected) ALL", "SEARCH EMAILID", "SEARCH EMAILID \"x\"", "SEARCH THREADID a.b",
        "SEARCH FILTER", "SEARCH FILTER a/b", "SEARCH FILTER \"a\"", "SEARCH SAVEDON", "SEARCH SAVEDON 31-Feb-2020",
        "SEARCH SAVEDATESUPPORTED x", "CANCELUPDATE", "CANCELUPDATE a1", "CANCELUPDATE \"a1\" b",
        "CANCELUPDATE \"a1\"  \"b\"",
    ])
    func refused(_ text: String) {
        guard case .failed(let error) = self.parse("a \(text)") else {
            Issue.record("taken")
            return
        }
        #expect(error.tag == Tag(Array("a".utf8)))
    }

    @Test func cancelUpdate() {
        // RFC 5267 section 4.3.5
        #expect(
            self.parse("B04 CANCELUPDATE \"B01\" \"B02\"")
                == .command(
                    TaggedCommand(
                        tag: Tag(Array("B04".utf8))!, command: .cancelUpdate([Array("B01".utf8), Array("B02".utf8)]))))
    }

    @Test func returnOptions() {
        #expect(self.search("a SEARCH RETURN (UPDATE CONTEXT COUNT) DELETED")?.returns == [.update, .context, .count])
        #expect(self.search("a SORT RETURN (update partial 1:2) (DATE) UTF-8 ALL")?.returns == .update)
        #expect(self.search("a SORT (REVERSE RELEVANCY) UTF-8 FUZZY SUBJECT x")?.key.isFuzzy == true)
    }

    // RFC 7377 section 3
    @Test func sources() {
        func sources(_ text: String) -> [MailboxFilter]? {
            guard case .command(let tagged) = self.parse(text), case .multiSearch(let multi) = tagged.command else {
                return nil
            }
            return multi.sources
        }
        func name(_ text: String) -> WireMailboxName { WireMailboxName(Array(text.utf8)) }
        #expect(
            sources("tag1 ESEARCH IN (mailboxes \"folder1\" subtree \"folder2\") unseen")
                == [.mailboxes([name("folder1")]), .subtree([name("folder2")])])
        #expect(
            sources("t ESEARCH IN (mailboxes (a b) subtree-one (c) inboxes personal subscribed selected) RETURN () 1:9")
                == [
                    .mailboxes([name("a"), name("b")]), .subtreeOne([name("c")]), .inboxes, .personal, .subscribed,
                    .selected,
                ])
        #expect(sources("tag1 UID ESEARCH FROM \"frobozz\" 1:100") == [.selected])
        // No source: the word IN is no search key either.
        #expect(sources("t ESEARCH IN") == nil)
        #expect(self.search("t ESEARCH ALL")?.returns == .all)
        #expect(self.search("t ESEARCH ALL")?.numbering == .uid)
    }

    @Test func filtersStandAlone() {
        #expect(SearchKey(Array("OR SMALLER 5000 FROM \"boss@example.com\"".utf8)) != nil)
        #expect(SearchKey(Array("UNSEEN FLAGGED".utf8)) == .and([.notFlags(.seen), .flags(.flagged)]))
        for text in ["OR SMALLER", "", " ALL", "ALL ", "ALL\r\nb NOOP", "CHARSET UTF-8 ALL", "(ALL", "SUBJECT {3}"] {
            #expect(SearchKey(Array(text.utf8)) == nil, "\(text)")
        }
    }

    @Test func nestingAndCountsAreBounded() {
        func isTaken(_ key: String) -> Bool { self.search("a SEARCH \(key)") != nil }
        func times(_ count: Int, _ text: String) -> String { String(repeating: text, count: count) }
        #expect(isTaken(times(100, "NOT ") + "ALL"))
        #expect(!isTaken(times(5000, "NOT ") + "ALL"))
        #expect(!isTaken(times(5000, "FUZZY ") + "ALL"))
        #expect(isTaken(times(100, "(") + "ALL" + times(100, ")")))
        #expect(!isTaken(times(5000, "(") + "ALL" + times(5000, ")")))
        #expect(isTaken(times(100, "OR ALL ") + "ALL"))
        #expect(!isTaken(times(5000, "OR ALL ") + "ALL"))
        #expect(isTaken(times(1900, "ALL ") + "ALL"))
        #expect(!isTaken(times(2100, "ALL ") + "ALL"))
        // Sets are long where clients enumerate.
        #expect(isTaken((1...8000).map { String($0 * 2) }.joined(separator: ",")))
    }

    @Test func responses() {
        func wire(_ body: (inout ResponseEncoder) -> Void) -> String {
            var encoder = ResponseEncoder()
            body(&encoder)
            return String(decoding: encoder.bytes, as: UTF8.self)
        }
        let tag = Tag(Array("tag1".utf8))!
        var result = ExtendedSearchResult()
        result.all = [921_691...921_691]
        #expect(
            wire {
                $0.extendedSearch(
                    SearchCorrelator(
                        tag, mailbox: WireMailboxName(Array("folder2/a peach".utf8)),
                        uidValidity: UIDValidity(rawValue: 3)),
                    numbering: .uid, result)
            } == "* ESEARCH (TAG \"tag1\" MAILBOX \"folder2/a peach\" UIDVALIDITY 3) UID ALL 921691\r\n")
        result = ExtendedSearchResult()
        result.partial = .init(PartialRange(.last, 1, 100), [])
        result.relevancy = [4, 99, 42]
        #expect(
            wire { $0.extendedSearch(SearchCorrelator(tag), numbering: .sequenceNumber, result) }
                == "* ESEARCH (TAG \"tag1\") PARTIAL (-1:-100 NIL) RELEVANCY (4 99 42)\r\n")
        #expect(
            wire {
                $0.extendedSearch(
                    SearchCorrelator(tag), numbering: .uid,
                    .added([.init(1, [2733...2733]), .init(1, [2731...2732])]))
            }
                == "* ESEARCH (TAG \"tag1\") UID ADDTO (1 2733 1 2731:2732)\r\n")
        #expect(
            wire {
                $0.extendedSearch(SearchCorrelator(tag), numbering: .sequenceNumber, .removed([.init(0, [7...9])]))
            }
                == "* ESEARCH (TAG \"tag1\") REMOVEFROM (0 7:9)\r\n")
        #expect(
            wire { $0.untagged(.no, .noUpdate(tag), "Too many contexts") }
                == "* NO [NOUPDATE \"tag1\"] Too many contexts\r\n")
        #expect(
            wire { $0.tagged(tag, .no, .undefinedFilter(Array("x".utf8)), "No") }
                == "tag1 NO [UNDEFINED-FILTER x] No\r\n")
    }
}
