import Testing

@testable import IMAPCore

private let limited: CommandLimits = {
    var limits = CommandLimits()
    limits.nonSynchronizingSize = 4096
    return limits
}()

/// Answers of the server, one a line.
private func answers(_ input: String, limits: CommandLimits) -> [String] {
    let (whole, differing) = events(input, limits: limits)
    #expect(differing == nil)
    return whole.map { event in
        switch event {
        case .message: return "message"
        case .step(.failed(let error)):
            var encoder = ResponseEncoder()
            encoder.failed(error)
            return String(decoding: encoder.bytes.dropLast(2), as: UTF8.self)
        case .step(.command(let command)): return command.command.name.description
        case .step(.append): return "append"
        case .step(.appendNext), .step(.appendPart): return "next"
        case .step(.appendEnd): return "end"
        case .step(.sendContinuation): return "+"
        case .step(.needMore): return "more"
        }
    }
}

// RFC 7888 section 5: the literal is read off, the tagged BAD has TOOBIG.
@Test func largeLiteralsMustBeAnnouncedWithLITERALMinus() {
    let large = String(repeating: "x", count: 4097)
    let small = String(repeating: "x", count: 4096)
    let bad = "a BAD [TOOBIG] Literals of this size must be synchronizing"
    #expect(answers("a APPEND x {4097+}\r\n\(large)\r\nb NOOP\r\n", limits: limited) == [bad, "NOOP"])
    #expect(
        answers("a APPEND x {4096+}\r\n\(small)\r\n", limits: limited) == ["append", "message", "end"])
    #expect(answers("a SELECT {4097+}\r\n\(large)\r\nb NOOP\r\n", limits: limited) == [bad, "NOOP"])
    #expect(answers("a APPEND x {4097}\r\n\(large)\r\n", limits: limited) == ["append", "message", "end"])
    #expect(
        answers("a APPEND x {4097+}\r\n\(large)\r\n", limits: CommandLimits()) == ["append", "message", "end"])
}

// RFC 6855 section 4.
@Test func messagesInUTF8() {
    let all = CommandLimits()
    #expect(
        answers("a APPEND x (\\Seen) UTF8 (~{3+}\r\nabc)\r\nb NOOP\r\n", limits: all)
            == ["append", "message", "end", "NOOP"])
    #expect(
        answers("a APPEND x UTF8 (~{3+}\r\nabc) {1+}\r\nx\r\n", limits: all)
            == ["append", "message", "next", "message", "end"])
    #expect(
        answers("a APPEND x utf8 (~{0+}\r\n)\r\n", limits: all) == ["append", "end"])
    #expect(
        answers("a APPEND x UTF8 (~{3+}\r\nabc\r\nb NOOP\r\n", limits: all)
            == [
                "append", "message", "a BAD Expected \")\" and the end of the line after the message at octet 0",
                "NOOP",
            ])
    #expect(
        answers("a APPEND x UTF8 ({3+}\r\nabc)\r\nb NOOP\r\n", limits: all)
            == ["a BAD Expected the message as a literal8 at octet 17", "NOOP"])
    #expect(
        answers("a APPEND x UTF8 (~{3+}\r\nabc {1+}\r\nx\r\nb NOOP\r\n", limits: all)
            == ["append", "message", "a BAD Expected \")\" at octet 0", "NOOP"])
}

@Test func quotedStringsInUTF8() {
    var parser = CommandParser()
    let input: [UInt8] = Array("a SELECT \"".utf8) + [0xC3, 0xA9, 0x22, 0x0D, 0x0A]
    let latin: [UInt8] = Array("a SELECT \"".utf8) + [0xE9, 0x22, 0x0D, 0x0A]
    for checks in [false, true] {
        parser.checksUTF8 = checks
        var consumed = 0
        if case .command = parser.next(input.span, consumed: &consumed) {} else { Issue.record("UTF-8 refused") }
        consumed = 0
        let step = parser.next(latin.span, consumed: &consumed)
        if case .failed(let error) = step {
            #expect(checks)
            #expect(error.offset == 9)
        } else {
            #expect(!checks)
        }
    }
}
