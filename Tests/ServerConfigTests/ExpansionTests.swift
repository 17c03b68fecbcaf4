import Testing

@testable import ServerConfig

@Suite struct ExpansionTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let text: String
        let canonical: String
        let expanded: String
        var letters: Expansion.Letters = .user
        var testDescription: String { self.text }
    }

    static let cases: [Case] = [
        Case(text: "", canonical: "", expanded: ""),
        Case(text: "~/Maildir", canonical: "~/Maildir", expanded: "~/Maildir"),
        Case(text: "%{user}", canonical: "%{user}", expanded: "Jo.Doe@Example.ORG"),
        Case(text: "%{user|lower}", canonical: "%{user | lower}", expanded: "jo.doe@example.org"),
        Case(
            text: "/v/%{user | domain | lower}/%{user | username}",
            canonical: "/v/%{user | domain | lower}/%{user | username}", expanded: "/v/example.org/Jo.Doe"),
        Case(
            text: "/v/%Ld/%n/%h", canonical: "/v/%{user | domain | lower}/%{user | username}/%{home}",
            expanded: "/v/example.org/Jo.Doe//home/jo"),
        Case(
            text: "%1n/%2.1n",
            canonical: "%{user | username | substr(0, 1)}/%{user | username | substr(2, 1)}", expanded: "J/."),
        Case(
            text: "%{username}@%{domain}", canonical: "%{user | username}@%{user | domain}",
            expanded: "Jo.Doe@Example.ORG"),
        Case(text: "100%%", canonical: "100%%", expanded: "100%"),
        Case(
            text: "%{user | upper | reverse}", canonical: "%{user | upper | reverse}",
            expanded: "GRO.ELPMAXE@EOD.OJ"),
        Case(text: "%{session | default('x y')}", canonical: "%{session | default('x y')}", expanded: "x y"),
        Case(
            text: "%{session | default(home)}", canonical: "%{session | default(home)}", expanded: "/home/jo"),
        Case(text: "%{uid | hex(8)}", canonical: "%{uid | hex(8)}", expanded: "0000002a"),
        Case(text: "%{user | substr(-3)}", canonical: "%{user | substr(-3)}", expanded: "ORG"),
        Case(
            text: "%08Xu%08Xv", canonical: "%{uid | hex(8)}%{uidvalidity | hex(8)}",
            expanded: "0000002a3b9aca00", letters: .message),
        Case(text: "%0.733333333u", canonical: "%{user | substr(0, 65536)}", expanded: "Jo.Doe@Example.ORG"),
        Case(text: "%v.%u", canonical: "%{uidvalidity}.%{uid}", expanded: "1000000000.42", letters: .message),
        Case(text: "%{userdb:quota}", canonical: "%{userdb:quota}", expanded: ""),
    ]

    @Test(arguments: cases)
    func expands(_ example: Case) throws {
        let values = [
            "user": "Jo.Doe@Example.ORG", "home": "/home/jo", "uid": "42", "uidvalidity": "1000000000",
        ]
        let expansion = try Expansion.parse(example.text, letters: example.letters).get()
        #expect(expansion.text == example.canonical)
        #expect(expansion.expand { values[$0] } == example.expanded)
        #expect(try Expansion.parse(expansion.text).get() == expansion)
    }

    @Test(arguments: [
        ("%", "a lone % at the end; write %% for a percent sign"),
        ("50% off", "a lone %; write %% for a percent sign"),
        ("%q", "%q means nothing; write %{name}, or %% for a percent sign"),
        ("%{user", "%{ without a }"),
        ("%{}", "%{} names no variable"),
        ("%{usr}", "%{usr} is unknown; did you mean %{user}?"),
        ("%{user | lowr}", "the filter \"lowr\" is unknown; did you mean lower?"),
        ("%{uid | hex(99)}", "hex() takes a width up to 32"),
        ("%{uid | hex(a)}", "hex() takes a width up to 32"),
        ("%{user | substr}", "substr() takes a start and a length"),
        ("%{user | substr(0, -1)}", "substr() takes a start and a length"),
        ("%{user | default('x)}", "default() has an unended quote"),
        ("%Hu", "the modifier %H does not exist; write %{name | filter}"),
    ])
    func refuses(_ text: String, _ problem: String) {
        switch Expansion.parse(text) {
        case .success(let expansion): Issue.record("\(expansion)")
        case .failure(let found): #expect(found.text == problem)
        }
    }

    @Test(arguments: [
        ("/v/%Ld/%1n", true), ("%{user | substr(2, 2) | upper}", true), ("%{home}/%{remote_ip}", true),
        ("%{uid}", false), ("%{user | reverse}", false), ("%{user | default('x')}", false),
        ("%{userdb:x}", false), ("%{user | substr(-2)}", false),
    ])
    func lookupsKnowLess(_ text: String, _ isKnown: Bool) {
        switch Expansion.parse(text, letters: .lookup) {
        case .success: #expect(isKnown)
        case .failure: #expect(!isKnown)
        }
        #expect(throws: Never.self) { try Expansion.parse(text).get() }
    }

    @Test func everyPrefixIsReadOrRefused() {
        let text = "/v/%Ld/%{user | domain | default('a')}/%08Xu%%%{uid | hex(8)}%2.3n"
        for length in 0...text.count { _ = Expansion.parse(String(text.prefix(length))) }
    }

    @Test func resultsAreBounded() throws {
        let text = String(repeating: "%{user}", count: 1000)
        let long = String(repeating: "x", count: 1000)
        #expect(Expansion.expand(text) { _ in long }.utf8.count == Expansion.maximumLength)
    }
}
