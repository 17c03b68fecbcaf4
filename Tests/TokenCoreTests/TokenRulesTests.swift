import Testing

@testable import TokenCore

struct TokenRulesTests {
    static let rules = TokenRules(
        issuers: ["https://a", "https://b", "https://\u{C5}"], audiences: ["mail", "imap"], scopes: ["mail", "send"], userClaim: "email",
        grace: 60)
    static let good = #""iss":"https://b","aud":"mail","scope":"send mail x","email":"a@b","exp":1000,"nbf":500,"iat":500"#

    /// What the rules say of the good claims with `changes` in place of their like, at `now`.
    static func user(_ changes: String, at now: Int64 = 700, _ rules: TokenRules = rules) throws -> String {
        guard case .object(var claims) = try JSONValue(Array("{\(Self.good)}".utf8)),
            case .object(let changed) = try JSONValue(Array("{\(changes)}".utf8))
        else { return "" }
        for (name, value) in changed { claims[name] = value == .null ? nil : value }
        return try rules.user(of: claims, at: now)
    }

    @Test(
        arguments: [
            "", #""aud":["x","imap"]"#, #""scope":"mail send""#, #""scope":null,"scp":"mail send""#,
            #""scope":["mail","send"]"#, #""nbf":null"#, #""iat":null"#, #""email_verified":true"#, #""email_verified":"true""#, #""exp":701.5"#,
            #""exp":640.1"#, #""nbf":760"#, #""iss":"https://a""#,
        ])
    func accepts(_ changes: String) throws {
        #expect(try Self.user(changes) == "a@b")
    }

    @Test(
        arguments: [
            (#""exp":null"#, "never expires"), (#""exp":"1000""#, "never expires"), (#""exp":640"#, "has expired"),
            (#""exp":-1e300"#, "has expired"), (#""nbf":761"#, "is not valid yet"), (#""nbf":"x""#, "is not valid yet"),
            (#""iat":761"#, "was issued in the future"), (#""iss":null"#, "is of another issuer (none)"),
            (#""iss":["https://a"]"#, "is of another issuer (none)"),
            (#""iss":"https://a/""#, "is of another issuer (https://a/)"), (#""aud":null"#, "names no service in aud"),
            (#""aud":"Mail""#, "is for another service (Mail)"), (#""aud":["mail",1]"#, "names no service in aud"),
            (#""scope":null"#, "does not allow the scope mail"), (#""scope":"mail sending""#, "does not allow the scope send"),
            (#""scope":"x","scp":"mail send""#, "does not allow the scope mail"),
            (#""email":null"#, "has no claim email that could be the user's name"),
            (#""email":"""#, "has no claim email that could be the user's name"),
            (#""email":7"#, "has no claim email that could be the user's name"),
            // Composed and decomposed are not the same (RFC 7519 section 7.3).
            (#""iss":"https://\u212B""#, "is of another issuer (https://?)"),
            (#""email_verified":"false""#, "has an address that its issuer has not verified"),
            (#""email_verified":0"#, "has an address that its issuer has not verified"),
            (#""email_verified":false"#, "has an address that its issuer has not verified"),
        ])
    func refuses(_ changes: String, _ reason: String) {
        #expect(throws: TokenError(reason)) { try Self.user(changes) }
    }

    @Test func emptyListsAskForNothing() throws {
        let rules = TokenRules(issuers: ["https://b"], audiences: [], scopes: [], userClaim: "sub", grace: 0)
        #expect(try Self.user(#""aud":null,"scope":null,"sub":"7","email_verified":false"#, rules) == "7")
    }
}
