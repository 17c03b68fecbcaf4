import Testing

@testable import POP3Core

@Suite struct POP3CommandTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let line: String
        let result: Result<POP3Command, POP3CommandError>
        var testDescription: String { self.line }

        init(_ line: String, _ command: POP3Command) {
            self.line = line
            self.result = .success(command)
        }

        init(_ line: String, _ error: POP3CommandError) {
            self.line = line
            self.result = .failure(error)
        }
    }

    static let cases: [Case] = [
        // RFC 1939 sections 5 to 7.
        Case("USER mrose", .user("mrose")),
        Case("PASS secret", .pass(Array("secret".utf8))),
        Case("STAT", .stat),
        Case("LIST", .list(nil)),
        Case("LIST 2", .list(2)),
        Case("RETR 1", .retr(1)),
        Case("DELE 1", .dele(1)),
        Case("NOOP", .noop),
        Case("RSET", .rset),
        Case("QUIT", .quit),
        Case("TOP 1 10", .top(1, lines: 10)),
        Case("TOP 3 0", .top(3, lines: 0)),
        Case("TOP 1 99999999", .top(1, lines: 99_999_999)),
        Case("UIDL", .uidl(nil)),
        Case("UIDL 2", .uidl(2)),
        // RFC 2449, RFC 2595.
        Case("CAPA", .capa),
        Case("STLS", .stls),
        // RFC 5034 section 6.
        Case("AUTH PLAIN", .auth(mechanism: "PLAIN", initialResponse: nil)),
        Case(
            "AUTH PLAIN dGVzdAB0ZXN0AHRlc3Q=",
            .auth(mechanism: "PLAIN", initialResponse: Array("test\0test\0test".utf8))),
        Case("auth login =", .auth(mechanism: "LOGIN", initialResponse: [])),
        Case("AUTH", .auth(mechanism: nil, initialResponse: nil)),
        // In any case, with blanks.
        Case("rEtR  7 ", .retr(7)),
        Case("user  jo.doe@example.org ", .user("jo.doe@example.org")),
        Case("PASS  two words ", .pass(Array(" two words ".utf8))),
        Case("PASS", .pass([])),
        Case("PASS pæss", .pass(Array("pæss".utf8))),
        Case("QUIT now", .quit),
        Case("LIST ", .list(nil)),
        // Wrong.
        Case("", .unknown),
        Case(" STAT", .unknown),
        Case("XYZZY", .unknown),
        Case("RET 1", .unknown),
        Case("TOPP 1 1", .unknown),
        Case("RETR", .arguments(.init("One message number is wanted"))),
        Case("RETR 1 2", .arguments(.init("One message number is wanted"))),
        Case("RETR 0", .arguments(.init("Invalid message number"))),
        Case("RETR -1", .arguments(.init("Invalid message number"))),
        Case("RETR x", .arguments(.init("Invalid message number"))),
        Case("TOP 1", .arguments(.init("TOP takes a message number and a number of lines"))),
        Case("TOP 1 -1", .arguments(.init("TOP takes a message number and a number of lines"))),
        Case("USER", .arguments(.init("USER takes a name"))),
        Case("USER a\0b", .arguments(.init("NUL in the line"))),
        Case("PASS a\0b", .arguments(.init("NUL in the line"))),
        Case("AUTH PLAIN a", .encoding),
        Case("AUTH PLAIN a b", .arguments(.init("AUTH takes a mechanism and an initial response"))),
    ]

    @Test(arguments: cases)
    func parses(_ example: Case) {
        #expect(Self.parse(Array(example.line.utf8)) == example.result)
    }

    static func parse(_ bytes: [UInt8]) -> Result<POP3Command, POP3CommandError> {
        do throws(POP3CommandError) {
            return .success(try POP3Command(line: bytes.span))
        } catch {
            return .failure(error)
        }
    }

    @Test func hugeNumbersStayHuge() {
        guard
            case .success(.retr(let number)) = Self.parse(
                Array(("RETR " + String(repeating: "9", count: 500)).utf8))
        else {
            Issue.record()
            return
        }
        #expect(number > 1 << 39)
    }

    @Test func namesAreUTF8() {
        #expect(Self.parse(Array("USER ".utf8) + [0xFF]) == .failure(.arguments(.init("USER takes a name"))))
    }

    /// A whole conversation, fed in two parts split at each offset, and octet by octet.
    @Test func linesAreFoundHoweverTheyArrive() {
        let text = Array("USER mrose\r\nPASS x y\r\n\r\nLIST\nTOP 1 10\r\nRETR 1\r\n".utf8)
        let whole = Self.lines([text])
        #expect(
            whole.map { String(decoding: $0, as: UTF8.self) } == [
                "USER mrose", "PASS x y", "", "LIST", "TOP 1 10", "RETR 1",
            ])
        for split in 0...text.count {
            #expect(Self.lines([Array(text[..<split]), Array(text[split...])]) == whole)
        }
        #expect(Self.lines(text.map { [$0] }) == whole)
    }

    private static func lines(_ pieces: [[UInt8]]) -> [[UInt8]] {
        var buffer: [UInt8] = []
        var found: [[UInt8]] = []
        for piece in pieces {
            buffer += piece
            search: while true {
                switch POP3Line.find(in: buffer.span) {
                case .needMore, .tooLong: break search
                case .line(let length, let consumed):
                    found.append(Array(buffer[..<length]))
                    buffer.removeFirst(consumed)
                }
            }
        }
        return found
    }

    @Test func linesHaveALimit() {
        let line = [UInt8](repeating: 0x61, count: 10)
        #expect(POP3Line.find(in: (line + [13, 10]).span, limit: 10) == .line(length: 10, consumed: 12))
        #expect(POP3Line.find(in: (line + [10]).span, limit: 9) == .tooLong)
        #expect(POP3Line.find(in: (line + [13, 10]).span, limit: 9) == .tooLong)
        #expect(POP3Line.find(in: line.span, limit: 9) == .needMore)
        #expect(POP3Line.find(in: line.span, limit: 8) == .tooLong)
        #expect(POP3Line.find(in: [UInt8]().span) == .needMore)
    }
}
