import MailCore
import Testing

@testable import TokenCore

/// The compact form of a header and claims, with a signature of one octet.
func compact(_ header: String, _ claims: String = "{}", signature: String = "AA") -> [UInt8] {
    func part(_ text: String) -> [UInt8] {
        Base64.encode(Array(text.utf8)).compactMap { octet in
            switch octet {
            case UInt8(ascii: "+"): UInt8(ascii: "-")
            case UInt8(ascii: "/"): UInt8(ascii: "_")
            case UInt8(ascii: "="): nil
            default: octet
            }
        }
    }
    return part(header) + [0x2E] + part(claims) + [0x2E] + Array(signature.utf8)
}

struct JSONWebTokenTests {
    @Test func reads() throws {
        let text = compact(#"{"alg":"ES256","kid":"k 1","typ":"at+JWT","x":[]}"#, #"{"sub":"17"}"#, signature: "_-8")
        let token = try JSONWebToken(text)
        #expect(token.algorithm == .es256)
        #expect(token.keyID == "k 1")
        #expect(token.claims == ["sub": .string("17")])
        #expect(token.signature == [0xFF, 0xEF])
        #expect(token.signed + [0x2E] + Array("_-8".utf8) == text)
    }

    @Test(
        arguments: [
            ("{}", "does not say how it is signed"), (#"{"alg":1}"#, "does not say how it is signed"),
            // RFC 8725 section 3.2: what has no signature proves nothing.
            (#"{"alg":"none"}"#, "is signed in a way that is not accepted (none)"),
            (#"{"alg":"NONE"}"#, "is signed in a way that is not accepted (NONE)"),
            (#"{"alg":"rs256"}"#, "is signed in a way that is not accepted (rs256)"),
            (#"{"alg":"A\n\u00e9"}"#, "is signed in a way that is not accepted (A??)"),
            (#"{"alg":"HS256","crit":["x"],"x":1}"#, "uses an extension that is not known"),
            (#"{"alg":"HS256","b64":false}"#, "uses an extension that is not known"),
            (#"{"alg":"HS256","typ":"logout+jwt"}"#, "is not an access token (logout+jwt)"),
            (#"{"alg":"HS256","typ":null}"#, "is not an access token (?)"),
            (#"{"alg":"HS256","kid":3}"#, "has a key ID that is no text"), ("[]", "has a header that is no object"),
            ("{", "is no JSON at octet 1"), (#"{"alg":"HS256","alg":"RS256"}"#, "is JSON with a name twice"),
        ])
    func refusesHeaders(_ header: String, _ reason: String) {
        #expect(throws: TokenError(reason)) { try JSONWebToken(compact(header)) }
    }

    @Test(
        arguments: [
            ("", "is not a JSON Web Token in compact form"), ("a.b", "is not a JSON Web Token in compact form"),
            ("opaque-token", "is not a JSON Web Token in compact form"),
            ("a.b.c.d", "is not a JSON Web Token in compact form"),
            ("a.b.c.d.e", "is encrypted; only signed ones can be read"),
            ("a.b.c.d.e.f", "is not a JSON Web Token in compact form"),
            ("a+a.b.c", "has a header that is not base64url"), ("YQ==.b.c", "has a header that is not base64url"),
            ("..", "is no JSON at octet 0"),
        ])
    func refusesForms(_ text: String, _ reason: String) {
        #expect(throws: TokenError(reason)) { try JSONWebToken(Array(text.utf8)) }
    }

    @Test func refusesTheRest() {
        let header = #"{"alg":"HS256"}"#
        #expect(throws: TokenError("has no signature")) { try JSONWebToken(compact(header, signature: "")) }
        #expect(throws: TokenError("has no signature")) { try JSONWebToken(compact(header, signature: "A")) }
        #expect(throws: TokenError("has claims that are no object")) { try JSONWebToken(compact(header, "3")) }
        #expect(throws: TokenError("is longer than 8192 octets")) {
            try JSONWebToken(compact(header, signature: String(repeating: "A", count: 9000)))
        }
    }

    @Test func survivesEachCut() {
        let text = compact(#"{"alg":"ES256"}"#, #"{"sub":"17"}"#)
        for end in 0..<text.count { _ = try? JSONWebToken(Array(text[..<end])) }
    }
}

struct JSONWebKeySetTests {
    @Test func keepsWhatItKnows() throws {
        let set = try JSONWebKeySet(
            Array(
                #"""
                {"keys": [
                  {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "a"},
                  {"kty": "OKP", "crv": "X25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
                  {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUR"},
                  {"kty": "oct", "k": "", "kid": "e"}, {"kty": "oct", "k": "AAAA", "use": "enc"},
                  {"kty": "oct", "k": "AAAA", "key_ops": ["sign"]}, {"kty": "oct", "k": "AAAA", "alg": "A128KW"},
                  {"kty": "new"}, {}, 7,
                  {"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"}, {"kty": "EC", "crv": "secp256k1"},
                  {"kty": "RSA", "n": "AQAB", "e": "AQAB"}, {"kty": "RSA", "n": "A+", "e": "AQAB"},
                  {"kty": "oct", "k": "AAAA", "key_ops": ["verify", "sign"]}
                ], "more": 1}
                """#.utf8))
        #expect(set.keys.map(\.id) == ["a", nil])
        #expect(
            set.skipped == [
                "key 2 is of a curve that is not known", "key 3 has no point of its curve", "key 4 (e) has no k",
                "key 6 is not for verifying", "key 7 is for an algorithm that is not known",
                "key 8 is of a kind that is not known", "key 9 is of a kind that is not known", "key 10 is no object",
                "key 11 has no point of its curve", "key 12 is of a curve that is not known",
                "key 13 has 17 bits; an RSA key needs 2048 to 16384", "key 14 has no n",
            ])
    }

    @Test(
        arguments: [
            ("[]", "has no list \"keys\""), ("{}", "has no list \"keys\""), (#"{"keys":{}}"#, "has no list \"keys\""),
            ("", "is no JSON at octet 0"),
            ("-----BEGIN PUBLIC KEY-----\n", "is PEM; it has to be JSON, what the issuer's jwks_uri gives"),
            (#"{"jwks_uri":"https://a"}"#, "is the issuer's configuration; fetch what its jwks_uri names"),
            (#"{"kty":"oct","k":"AAAA"}"#, #"is one key; write {"keys": [ ... ]}"#),
        ])
    func refuses(_ text: String, _ reason: String) {
        #expect(throws: TokenError(reason)) { try JSONWebKeySet(Array(text.utf8)) }
    }

    @Test func countIsBounded() {
        let keys = [String](repeating: "1", count: 1001).joined(separator: ",")
        #expect(throws: TokenError("has more than 1000 keys")) { try JSONWebKeySet(Array("{\"keys\":[\(keys)]}".utf8)) }
    }

    /// A secret that is shorter than the hash is easier to guess (RFC 7518 section 3.2).
    @Test func aKeyServesItsKind() throws {
        let secret = String(repeating: "A", count: 43)
        let set = try JSONWebKeySet(Array(#"{"keys":[{"kty":"oct","k":"\#(secret)"}]}"#.utf8))
        let key = try #require(set.keys.first)
        #expect(SigningAlgorithm.allCases.filter(key.serves) == [.hs256])
        let named = try JSONWebToken(compact(#"{"alg":"HS256","kid":"x"}"#))
        let unnamed = try JSONWebToken(compact(#"{"alg":"HS256"}"#))
        #expect(!key.maySign(named))
        #expect(key.maySign(unnamed))
    }
}
