@testable import Authentication
import MailCore
import SASLCore
import TokenCore

/// JSON, tokens, key sets and the messages of bearer mechanisms: what is read is within its limits and written so that it
/// reads the same, a key makes a key of the crypto library or none, and nobody comes in by a token that nobody signed.
func fuzzToken(_ input: FuzzInput) {
    var input = input
    let choice = input.octet()
    let text = input.octets
    if let value = try? JSONValue(text) {
        need(depth(value) <= JSONValue.maximumDepth, "depth")
        same(try? JSONValue(Array(written(value).utf8)), value, "JSON")
    }
    // Without its base64url, which inputs seldom hit.
    let halves = text.split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false)
    let compact = Array(
        halves.map { Base64.encode($0).filter { $0 != UInt8(ascii: "=") }.map(urlSafe) }.joined(separator: [0x2E]))
    let keys = (try? JSONWebKeySet(Array(halves.first ?? []))) ?? (try? JSONWebKeySet(text))
    for octets in [text, compact] {
        guard let token = try? JSONWebToken(octets) else { continue }
        need(octets.count <= JSONWebToken.maximumLength && !token.signature.isEmpty)
        need(octets.starts(with: token.signed) && octets[token.signed.count] == 0x2E, "what is signed")
        check(token)
        for key in [secret] + (keys?.keys.prefix(4) ?? []) where key.maySign(token) {
            guard let made = VerificationKey(key) else { continue }
            // The secret is unknown to the input; of another key it can hold the pair.
            let isRight = made.verifies(token)
            need(!isRight || key != secret, "a signature out of nothing")
        }
    }
    if let keys { need(keys.keys.count + keys.skipped.count <= JSONWebKeySet.maximumKeys) }
    let form: BearerExchange.Form = choice & 1 == 0 ? .oauthBearer : .xoauth2
    if case .token(let found)? = BearerExchange.parse(text, form) {
        need(!found.token.isEmpty && found.token.allSatisfy { $0 > 0x20 && $0 < 0x7F })
        need(found.authorizationIdentity?.isEmpty != true)
        need(text.count <= BearerExchange.maximumLength && text.suffix(2) == [1, 1])
    }
}

private let secret: JSONWebKey = {
    let text = #"{"keys":[{"kty":"oct","k":"c29tZXRoaW5nIHRoYXQgbm9ib2R5IGd1ZXNzZXMsIG5vdCBldmVuIGEgZnV6emVyIGluIGhvdXJzLCBpdCBpcyBob3BlZA"}]}"#
    guard let set = try? JSONWebKeySet(Array(text.utf8)), let key = set.keys.first else { fail("no key") }
    return key
}()

/// Rules of the claims: a name only while it is valid, from the issuer, and never an empty one.
private func check(_ token: JSONWebToken) {
    let rules = TokenRules(issuers: ["i"], audiences: ["a"], scopes: ["s"], userClaim: "email", grace: 1)
    for now in [0, 1_000_000_000, Int64.max] {
        guard let user = try? rules.user(of: token.claims, at: now) else { continue }
        need(!user.isEmpty && token.claims["iss"]?.string == "i" && token.claims["aud"]?.strings?.contains("a") == true)
        guard case .number(let end)? = token.claims["exp"] else { fail("it never expires") }
        need(Double(now) < end + 1)
    }
}

private func urlSafe(_ octet: UInt8) -> UInt8 {
    switch octet {
    case UInt8(ascii: "+"): UInt8(ascii: "-")
    case UInt8(ascii: "/"): UInt8(ascii: "_")
    default: octet
    }
}

private func depth(_ value: JSONValue) -> Int {
    switch value {
    case .array(let values): 1 + (values.map(depth).max() ?? 0)
    case .object(let members): 1 + (members.values.map(depth).max() ?? 0)
    case .null, .boolean, .number, .string: 1
    }
}

private func written(_ value: JSONValue) -> String {
    switch value {
    case .null: "null"
    case .boolean(let flag): flag ? "true" : "false"
    case .number(let number): "\(number)"
    case .string(let text): quoted(text)
    case .array(let values): "[" + values.map(written).joined(separator: ",") + "]"
    case .object(let members): "{" + members.map { quoted($0.key) + ":" + written($0.value) }.joined(separator: ",") + "}"
    }
}

private func quoted(_ text: String) -> String {
    let escaped = text.unicodeScalars.map { scalar in
        scalar.value < 0x20 || scalar == "\"" || scalar == "\\"
            ? "\\u" + String(UInt16(scalar.value) | 0x1000, radix: 16).replacingFirst("0") : String(scalar)
    }
    return "\"" + escaped.joined() + "\""
}

extension String {
    /// Four digits of hexadecimal, whose first held the place.
    fileprivate func replacingFirst(_ digit: String) -> String { digit + self.dropFirst() }
}
