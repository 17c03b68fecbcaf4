import Testing

@testable import AdminCommands

struct AdminLineTests {
    @Test(
        arguments: [
            ([], "\n"), ([""], "\n"), (["a"], "a\n"), (["a", "b"], "a\tb\n"), (["", "", ""], "\t\t\n"),
            (["a\tb"], "a\u{1}tb\n"), (["a\r\nb"], "a\u{1}r\u{1}nb\n"), (["\u{0}\u{1}"], "\u{1}0\u{1}1\n"),
            (["grün"], "grün\n"),
        ] as [([String], String)])
    func encodes(_ fields: [String], _ line: String) {
        var out: [UInt8] = []
        AdminLine.encode(fields.map { Array($0.utf8) }, into: &out)
        #expect(String(decoding: out, as: UTF8.self) == line)
        let decoded = AdminLine.decode(out.dropLast()).map { String(decoding: $0, as: UTF8.self) }
        // A line has at least one field.
        #expect(decoded == (fields.isEmpty ? [""] : fields))
    }

    @Test func everyOctetSurvives() {
        let field = Array(UInt8.min...UInt8.max)
        var out: [UInt8] = []
        AdminLine.encode([field, field], into: &out)
        #expect(out.filter { $0 == 0x0A }.count == 1)
        #expect(AdminLine.decode(out.dropLast()) == [field, field])
    }

    @Test func strangeEscapesAreTakenAsTheyStand() {
        #expect(AdminLine.decode([1, UInt8(ascii: "x")]) == [Array("x".utf8)])
        #expect(AdminLine.decode([UInt8(ascii: "a"), 1]) == [Array("a".utf8)])
    }

    @Test(
        arguments: [
            ("H\tmailbox\tuid", .columns(["mailbox", "uid"])),
            ("R\tINBOX\t3", .row([Array("INBOX".utf8), Array("3".utf8)])),
            ("E\tanna: no", .problem("anna: no")),
            ("P\t1\t10", .progress(done: 1, total: 10)),
            ("N", .wantsInput),
            ("V\tmartlet-admin\t1", .hello),
            ("P\tx\t10", nil), ("P\t1", nil),
            ("X\t0\t", .end(.success, "")),
            ("X\t67\tno such user", .end(.noUser, "no such user")),
            // A later daemon's status.
            ("X\t99\todd", .end(.internalError, "odd")),
            ("X", .end(.internalError, "")),
            ("Z\tlater", nil), ("", nil),
        ] as [(String, AdminReply?)])
    func replies(_ line: String, _ reply: AdminReply?) {
        #expect(AdminReply(line: line.utf8) == reply)
    }
}
