import MIMECore
import Testing

@Suite struct AddressTests {
    /// `name|route|mailbox|host`, `-` for nil; `group:`; `;`.
    static func describe(_ field: String) -> [String] {
        withOctets(field) { octets in
            AddressParser(octets).map { address in
                func show(_ octets: [UInt8]?) -> String { octets.map { text($0) } ?? "-" }
                switch address {
                case .mailbox(let name, let route, let mailbox, let host):
                    return "\(show(name))|\(show(route))|\(show(mailbox))|\(show(host))"
                case .groupStart(let name): return "\(text(name)):"
                case .groupEnd: return ";"
                }
            }
        }
    }

    @Test(arguments: [
        // RFC 5322 appendix A.1.2.
        (
            "\"Joe Q. Public\" <john.q.public@example.com>",
            ["Joe Q. Public|-|john.q.public|example.com"]
        ),
        (
            "Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>",
            ["Mary Smith|-|mary|x.test", "-|-|jdoe|example.org", "Who?|-|one|y.test"]
        ),
        (
            "<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>",
            ["-|-|boss|nil.test", "Giant; \"Big\" Box|-|sysservices|example.net"]
        ),
        // A.1.3.
        (
            "A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
            ["A Group:", "Ed Jones|-|c|a.test", "-|-|joe|where.test", "John|-|jdoe|one.test", ";"]
        ),
        ("Undisclosed recipients:;", ["Undisclosed recipients:", ";"]),
        // A.5.
        ("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", ["Pete|-|pete|silly.test"]),
        (
            "A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n"
                + "         joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); (the end of the group)",
            [
                "A Group:", "Chris Jones|-|c|public.example", "-|-|joe|example.org", "John|-|jdoe|one.test",
                ";",
            ]
        ),
        (
            "(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;",
            ["Hidden recipients:", ";"]
        ),
        // A.6.1.
        ("Joe Q. Public <john.q.public@example.com>", ["Joe Q. Public|-|john.q.public|example.com"]),
        (
            "Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example",
            ["Mary Smith|@node.test|mary|example.net", "-|-|jdoe|test.example"]
        ),
        ("<@a.test,@b.test:x@c.test>", ["-|@a.test,@b.test|x|c.test"]),
        // Names in comments.
        ("john@x.test (John Doe)", ["John Doe|-|john|x.test"]),
        // Real mail.
        ("", []), ("  ", []), ("()", []), (",,,", []), (";", []),
        ("root", ["-|-|root|-"]),
        ("<>", ["-|-|-|-"]),
        ("Foo <>", ["Foo|-|-|-"]),
        ("Foo Bar", ["Foo Bar|-|-|-"]), ("\"Foo\"", ["Foo|-|-|-"]), ("Foo", ["-|-|Foo|-"]),
        ("Foo a@b", ["Foo a|-|-|-"]),
        ("(c) a@b", ["-|-|a|b"]), ("a@b (c", ["-|-|a|-"]), ("a@b c", ["-|-|a|b"]), ("a@b c <d@e>", ["a@b c|-|d|e"]),
        ("<a b@c>, d@e", ["-|-|a|SYNTAX_ERROR", "-|-|d|e"]), ("<@r a@b>", ["-|INVALID_ROUTE|a|b"]),
        ("G: A: b@c;, d@e", ["G:", "-|-|A|-", ";"]), ("a\\b@c", ["-|-|a|-"]), ("<a@b..c>", ["-|-|a|SYNTAX_ERROR"]),
        ("a@b; c@d", ["-|-|a|b", "-|-|c|d"]),
        ("me@home.test <me@work.test>", ["me@home.test|-|me|work.test"]),
        ("Foo <a@b", ["Foo|-|a|SYNTAX_ERROR"]),
        ("Foo <a@b, c@d", ["Foo|-|a|SYNTAX_ERROR", "-|-|c|d"]),
        ("\"unclosed <a@b>", ["-|-|-|-"]),
        ("a@[127.0.0.1]", ["-|-|a|[127.0.0.1]"]),
        ("a@@b", ["-|-|a|-"]),
        ("a@", ["-|-|a|-"]), ("@b", ["-|-|-|b"]),
        ("Group: a@b", ["Group:", "-|-|a|b", ";"]),
        ("Group: a@b; c@d", ["Group:", "-|-|a|b", ";", "-|-|c|d"]),
        ("Group: <a@b>; c@d", ["Group:", "-|-|a|b", ";", "-|-|c|d"]),
        ("=?utf-8?Q?J=C3=B6rg?= <j@x.test>", ["=?utf-8?Q?J=C3=B6rg?=|-|j|x.test"]),
        ("Jörg <j@x.test>", ["Jörg|-|j|x.test"]),
        ("\"quoted local\"@x.test", ["-|-|quoted local|x.test"]),
        ("a.b.\"c d\"@x.test", ["-|-|a.b.c d|x.test"]),
        // Blanks beside the dots of a local part (RFC 5322 section 4.4), but not those of a name or in quotes.
        ("a . b @ c . d", ["-|-|a.b|c.d"]), ("a. b .c@d", ["-|-|a.b.c|d"]), ("< a . b @ c >", ["-|-|a.b|c"]),
        ("a (x) . (y) b@c", ["y|-|a.b|c"]), ("\"a . b\"@c", ["-|-|a . b|c"]), ("\"a . b\" . c@d", ["-|-|a . b.c|d"]),
        ("J. R. Doe <j@x>", ["J. R. Doe|-|j|x"]), ("J. R. Doe", ["-|-|J. R. Doe|-"]),
        ("> <a@b>", ["-|-|a|b"]),
    ])
    func addresses(_ field: String, _ expected: [String]) {
        #expect(Self.describe(field) == expected)
    }

    @Test func groupsAreBalancedWhereverTheFieldIsCut() {
        let field = Array("A \"b;\" (c(d)) : e f <@g:h@i>, j@k . l (m); n:o@p,<q@r".utf8)
        for start in 0..<field.count {
            for end in start...field.count {
                field[start..<end].withUnsafeBytes { bytes in
                    var depth = 0
                    for address in AddressParser(Octets(bytes)) {
                        switch address {
                        case .groupStart: depth += 1
                        case .groupEnd: depth -= 1
                        case .mailbox: break
                        }
                        #expect(depth == 0 || depth == 1)
                    }
                    #expect(depth == 0)
                }
            }
        }
    }

    @Test(arguments: ["(", ")", "<", "@", ":", ",", ";", "\"", "\\", "a@b,", "<a@b>,", "a:", "[", "a (", "a@b c "])
    func hostileRunsStayLinear(_ piece: String) {
        let field = [UInt8]([[UInt8]](repeating: Array(piece.utf8), count: 100_000).joined())
        field.withUnsafeBytes { bytes in
            var count = 0
            for _ in AddressParser(Octets(bytes)) { count += 1 }
            #expect(count <= 200_001)
        }
    }
}
