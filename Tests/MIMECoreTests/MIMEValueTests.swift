import MIMECore
import Testing

@Suite struct MIMEValueTests {
    struct Case: Sendable {
        var body: String
        var type: String
        /// `name=value` with `*=` for extended ones.
        var parameters: [String]
        var decoded: [String]

        init(_ body: String, _ type: String, _ parameters: [String], decoded: [String]? = nil) {
            self.body = body
            self.type = type
            self.parameters = parameters
            self.decoded = decoded ?? parameters.map { String($0.split(separator: "=", maxSplits: 1)[1]) }
        }
    }

    @Test(arguments: [
        Case(" text/plain; charset=us-ascii (Plain text)", "text/plain", ["charset=us-ascii"]),
        Case("text/plain; charset=\"us-ascii\"", "text/plain", ["charset=us-ascii"]),
        Case("TEXT/Html", "TEXT/Html", []),
        Case("text", "text/-", []),
        Case(
            "multipart/mixed;\r\n boundary=\"gc0pJq0M:08jU534c0p\"", "multipart/mixed", ["boundary=gc0pJq0M:08jU534c0p"]
        ),
        Case("a/b; x = y ; z=\"q\\\"\\\\\"", "a/b", ["x=y", "z=q\"\\"]),
        Case("a/b;;; x=1;y;z=2;", "a/b", ["x=1", "z=2"]),
        Case("a/b; name=a/b=c:d", "a/b", ["name=a/b=c:d"]),
        // RFC 2231 section 3.
        Case(
            "message/external-body; access-type=URL;\r\n URL*0=\"ftp://\";\r\n"
                + " URL*1=\"cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar\"",
            "message/external-body",
            ["access-type=URL", "URL=ftp://cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar"]),
        // Section 4.
        Case(
            "application/x-stuff;\r\n title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A",
            "application/x-stuff", ["title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A"],
            decoded: ["This is ***fun***"]),
        // Section 4.1.
        Case(
            "application/x-stuff\r\n ;title*0*=us-ascii'en'This%20is%20even%20more%20\r\n"
                + " ;title*1*=%2A%2A%2Afun%2A%2A%2A%20\r\n ;title*2=\"isn't it!\"",
            "application/x-stuff",
            ["title*=us-ascii'en'This%20is%20even%20more%20%2A%2A%2Afun%2A%2A%2A%20isn%27t%20it%21"],
            decoded: ["This is even more ***fun*** isn't it!"]),
        // Out of order, with a gap, twice.
        Case("a/b; n*1=b; n*0=a; n*3=d; n*1=x", "a/b", ["n=ab"]),
        Case("a/b; n*x=b; *=c", "a/b", ["n*x=b", "*=c"]),
        Case("a/b; n*=''%e4", "a/b", ["n*=''%e4"], decoded: ["ä"]),
        Case("a/b; n*=iso-8859-1''%e4%zz%", "a/b", ["n*=iso-8859-1''%e4%zz%"], decoded: ["ä%zz%"]),
        Case("a/b; name=\"=?utf-8?B?w6Q=?=\"", "a/b", ["name==?utf-8?B?w6Q=?="], decoded: ["ä"]),
    ])
    func contentTypes(_ test: Case) {
        let value = withOctets(test.body, MIMEValue.contentType)
        #expect(value.map { "\(text($0.value))/\($0.subtype.map { text($0) } ?? "-")" } == test.type)
        let parameters = value?.parameters ?? []
        #expect(parameters.map { "\(text($0.name))\($0.isExtended ? "*" : "")=\(text($0.value))" } == test.parameters)
        #expect(parameters.map { text($0.decodedValue()) } == test.decoded)
    }

    @Test(arguments: ["", " ", ";", "/x", "\"a\"", "(c)"])
    func noType(_ body: String) { #expect(withOctets(body, MIMEValue.contentType) == nil) }

    @Test func dispositions() {
        let value = withOctets(" attachment; filename=genome.jpeg;\r\n size=1", MIMEValue.disposition)
        #expect(value?.value == Array("attachment".utf8))
        #expect(value?.parameter("filename")?.value == Array("genome.jpeg".utf8))
        #expect(value?.parameter("size")?.value == Array("1".utf8))
    }

    @Test(arguments: ["; a=b", "; n*0=a", ";", "; a=\"", "; n*999*=%", "("])
    func endlessParametersAreCut(_ piece: String) {
        let body = "a/b" + String(repeating: piece, count: 100_000)
        let value = withOctets(body, MIMEValue.contentType)
        #expect((value?.parameters.count ?? 0) <= MIMEValue.maximumParameters)
    }
}
