import MailCore
import Testing

@testable import IMAPCore

/// FILTER (draft-bosch-imap-filter-sieve-00 section 7).
@Suite struct FilterCommandTests {
    private func parse(_ text: String) -> Command? {
        var parser = CommandParser()
        var consumed = 0
        guard case .command(let tagged) = parser.next(Array((text + "\r\n").utf8).span, consumed: &consumed) else {
            return nil
        }
        return tagged.command
    }

    private func filter(_ text: String) -> FilterCommand? {
        guard case .filter(let command) = self.parse(text) else { return nil }
        return command
    }

    @Test func scripts() {
        #expect(
            self.filter("A001 FILTER SIEVE DELIVERY SINCE 1-Mar-2017 TO \"hendrik@example.com\"")?.script == .delivery)
        let named = self.filter("A002 UID FILTER SIEVE PERSONAL \"new\" NEW")
        #expect(named?.script == .personal(Array("new".utf8)))
        #expect(named?.search.numbering == .uid)
        #expect(named?.search.key == self.filter("a FILTER SIEVE DELIVERY NEW")?.search.key)
        #expect(self.filter("a filter sieve global site ALL")?.script == .global(Array("site".utf8)))
        let source = self.filter("A003 UID FILTER SIEVE SCRIPT {10+}\r\ndiscard;\r\n CHARSET utf-8 ALL")
        #expect(source?.script == .source(Array("discard;\r\n".utf8)))
        #expect(source?.search.charset == Array("UTF-8".utf8))
        #expect(self.filter("a FILTER SIEVE SCRIPT \"keep;\" 1:*")?.search.numbering == .sequenceNumber)
    }

    @Test(arguments: [
        "a FILTER", "a FILTER SIEVE", "a FILTER SIEVE DELIVERY", "a FILTER SIEVE PERSONAL ALL",
        "a FILTER SIEVE SCRIPT ALL",
        "a FILTER SIEVE SCRIPT keep; ALL", "a FILTER PERL \"x\" ALL", "a FILTER SIEVE DELIVERY RETURN (MIN) ALL",
        "a FILTER SIEVE LOCAL x ALL", "a UID FILTER SIEVE DELIVERY CHARSET utf-8",
    ])
    func mistakes(_ text: String) { #expect(self.parse(text) == nil) }

    @Test func answers() throws {
        let tag = try #require(Tag(Array("A1".utf8)))
        let number = SequenceNumber(index: 15)
        func wire(_ write: (inout ResponseEncoder) -> Void) -> String {
            var encoder = ResponseEncoder()
            write(&encoder)
            return String(decoding: encoder.take(), as: UTF8.self)
        }
        #expect(wire { $0.filtered(tag, number, nil, .ok) } == "* 16 FILTERED (TAG \"A1\") OK\r\n")
        #expect(
            wire { $0.filtered(tag, number, UID(rawValue: 7), .warnings("a\r\nb")) }
                == "* 16 FILTERED (TAG \"A1\") UID 7 WARNINGS {4}\r\na\r\nb\r\n")
        #expect(wire { $0.filter(tag, .errors("no \"x\"")) } == "* FILTER (TAG \"A1\") ERRORS \"no \\\"x\\\"\"\r\n")
    }

    @Test func states() {
        let command = Command.filter(
            FilterCommand(script: .delivery, search: SearchCommand(numbering: .uid, key: .all)))
        var machine = SessionStateMachine()
        machine.loggedIn()
        if case .run = machine.received(command) { Issue.record("runs without a mailbox") }
        #expect(!command.hasSequenceNumbers)
    }
}
