import Testing

@testable import ManageSieveCore

@Suite struct ScannerTests {
    private func scan(_ text: String, limit: Int = 100) -> ManageSieveScanner.Outcome {
        let octets = Array(text.utf8)
        return ManageSieveScanner.scan(octets.span, maximumLiteral: limit)
    }

    @Test(arguments: [
        ("NOOP\r\n", ManageSieveScanner.Outcome.command(name: "NOOP", arguments: [], consumed: 6)),
        ("noop\n", .command(name: "NOOP", arguments: [], consumed: 5)),
        (
            "HAVESPACE \"my\\\"script\" 99\r\nX",
            .command(name: "HAVESPACE", arguments: [.string(Array("my\"script".utf8)), .number(99)], consumed: 27)
        ),
        (
            "PUTSCRIPT \"a\" {3+}\r\nx\r\n\r\n",
            .command(
                name: "PUTSCRIPT", arguments: [.string(Array("a".utf8)), .string(Array("x\r\n".utf8))], consumed: 25)
        ),
        ("SETACTIVE \"\"\r\n", .command(name: "SETACTIVE", arguments: [.string([])], consumed: 14)),
        ("CHECKSCRIPT {0+}\r\n\r\n", .command(name: "CHECKSCRIPT", arguments: [.string([])], consumed: 20)),
        ("NOOP", .needMore), ("NOOP \"a", .needMore), ("PUTSCRIPT {5+}\r\nabc", .needMore),
        ("PUTSCRIPT \"a\" {101+}\r\n", .tooLarge(octets: 101, consumed: 22)),
        ("PUTSCRIPT {99999999999999999999999+}\r\n", .bad("a number was expected behind \"{\"", consumed: 38)),
    ])
    func outcomes(_ text: String, _ expected: ManageSieveScanner.Outcome) { #expect(self.scan(text) == expected) }

    @Test(arguments: [
        "\r\n", "12\r\n", "NOOP  \"a\"\r\n", "NOOP\"a\"\r\n", "NOOP a\r\n", "NOOP \"a\rb\"\r\n", "X 1 2 3 4 5\r\n",
    ])
    func badLinesEndAtTheirEnd(_ text: String) {
        guard case .bad(_, let consumed) = self.scan(text + "NOOP\r\n") else {
            Issue.record("not bad: \(text)")
            return
        }
        #expect(consumed == text.utf8.count)
    }

    /// Whatever comes first, the whole gives the same.
    @Test func piecewise() {
        let text = Array("PUTSCRIPT \"a\\\\b\" {12+}\r\nkeep;\r\nstop;\r\n".utf8)
        for end in 0..<text.count {
            let outcome = ManageSieveScanner.scan(Array(text[..<end]).span, maximumLiteral: 100)
            #expect(outcome == .needMore, "\(end)")
        }
    }

    @Test func longLinesEnd() {
        let octets = [UInt8](repeating: UInt8(ascii: "a"), count: 20_000)
        guard case .hopeless = ManageSieveScanner.scan(octets.span, maximumLiteral: 10) else {
            Issue.record("waits for ever")
            return
        }
    }

    @Test func commands() throws {
        #expect(
            try ManageSieveCommand(name: "AUTHENTICATE", arguments: [.string(Array("PLAIN".utf8))])
                == .authenticate(mechanism: "PLAIN", initialResponse: nil))
        #expect(throws: ManageSieveCommand.Problem.self) { try ManageSieveCommand(name: "FROB", arguments: []) }
        #expect(throws: ManageSieveCommand.Problem.self) {
            try ManageSieveCommand(name: "GETSCRIPT", arguments: [.number(1)])
        }
    }

    @Test func responses() {
        func text(_ response: ManageSieveResponse) -> String {
            var out: [UInt8] = []
            response.encode(into: &out)
            return String(decoding: out, as: UTF8.self)
        }
        #expect(text(ManageSieveResponse(.ok, nil, "")) == "OK\r\n")
        #expect(
            text(ManageSieveResponse(.ok, .tag(Array("STARTTLS-1".utf8)), "Done"))
                == "OK (TAG \"STARTTLS-1\") \"Done\"\r\n")
        #expect(text(ManageSieveResponse(.no, .quotaMaxSize, "a \"b\"")) == "NO (QUOTA/MAXSIZE) \"a \\\"b\\\"\"\r\n")
        #expect(text(ManageSieveResponse(.no, nil, "1\r\n2")) == "NO {4}\r\n1\r\n2\r\n")
    }
}
