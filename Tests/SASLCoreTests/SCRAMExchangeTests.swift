import MailCore
@testable import SASLCore
import Testing

/// SCRAM with the hash function that needs no library; the SHA-1 one is run with the library's in AuthenticationTests.
struct SCRAMExchangeTests {
    static func mac(_ key: [UInt8], _ message: [UInt8]) -> [UInt8] {
        let block = (key.count > 64 ? SHA256.digest(key) : key) + [UInt8](repeating: 0, count: 64)
        let inner = block.prefix(64).map { $0 ^ 0x36 }
        let outer = block.prefix(64).map { $0 ^ 0x5C }
        return SHA256.digest(outer + SHA256.digest(inner + message))
    }

    static let functions = SCRAMFunctions(digest: { SHA256.digest($0) }, mac: { Self.mac($0, $1) })

    /// RFC 7677 section 3, whose server nonce is part of the client's too.
    static let nonce = Array("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0".utf8)
    static let clientFirst = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    static let serverFirst =
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    static let clientFinalWithoutProof = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    static let clientFinal = clientFinalWithoutProof + ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    static let serverFinal = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

    /// The keys of `pencil`: a PBKDF2 of 4096 rounds by hand, computed once.
    static let keys: SCRAMKeys? = {
        guard let salt = Base64.decode("W22ZaJ0SNY7soEsUEjb6gQ==".utf8) else { return nil }
        var last = Self.mac(Array("pencil".utf8), salt + [0, 0, 0, 1])
        var salted = last
        for _ in 1..<4096 {
            last = Self.mac(Array("pencil".utf8), last)
            for index in salted.indices { salted[index] ^= last[index] }
        }
        return SCRAMKeys(
            hash: .sha256, iterations: 4096, salt: salt, saltedPassword: salted, Self.functions)
    }()

    static func exchange(_ binding: SCRAMBinding = .none) -> SCRAMExchange {
        SCRAMExchange(hash: .sha256, functions: Self.functions, nonce: Self.nonce, binding: binding)
    }

    static func ask(_ user: String, as other: String? = nil) -> SASLAction {
        .ask(.keys(SCRAMIdentity(authorizationIdentity: other, authenticationIdentity: user, hash: .sha256)))
    }

    @Test(arguments: [true, false]) func runsTheExample(_ hasInitialResponse: Bool) throws {
        let keys = try #require(Self.keys)
        var exchange = Self.exchange()
        if !hasInitialResponse { #expect(exchange.received(nil) == .challenge([])) }
        #expect(exchange.received(Array(Self.clientFirst.utf8)) == Self.ask("user"))
        #expect(exchange.answered(.keys(keys)) == .challenge(Array(Self.serverFirst.utf8)))
        #expect(exchange.received(Array(Self.clientFinal.utf8)) == .done(serverData: Array(Self.serverFinal.utf8)))
        #expect(exchange.received([]) == .fail(.unexpected))
        #expect(exchange.answered(.accepted) == .fail(.unexpected))
    }

    @Test(
        arguments: [
            ("n,,n=a=2Cb=3Dc,r=x", "a,b=c", nil), ("y,,n=u,r=x", "u", nil), ("n,a=other,n=u,r=x", "u", "other"),
            ("n,,n=u,r=x,x=ignored,z=1", "u", nil), ("n,,n=I\u{AD}X,r=x", "IX", nil),
        ] as [(String, String, String?)])
    func takesFirstMessages(_ message: String, _ user: String, _ other: String?) {
        var exchange = Self.exchange()
        #expect(exchange.received(Array(message.utf8)) == Self.ask(user, as: other))
    }

    @Test(arguments: [
        "", "n", "n,", "n,,", "n,,n=u", "n,,r=x,n=u", "n,,n=,r=x", "n,,n=u,r=", "n,,n=u,r=a b", "n,,n=u=,r=x",
        "n,,n=u=2c,r=x", "n,,n=u=2Dx,r=x", "n,,m=1,n=u,r=x", "n,,n=u,r=x,m=1", "n,,n=u,r=x,1=2", "n,,n=u,r=x,y",
        "n,u,n=u,r=x", "n,a=,n=u,r=x", "x,,n=u,r=x", "p=tls-unique,,n=u,r=x", "n,,n=\u{7},r=x", "n,,n=\u{AD},r=x",
        "nn,,n=u,r=x", "p,,n=u,r=x", "n,,n=u\0,r=x", "n,,n=u,r=\u{E9}",
        "n,,n=u,r=" + String(repeating: "x", count: 1025), "n,,n=" + String(repeating: "x", count: 1025) + ",r=x",
    ])
    func refusesFirstMessages(_ message: String) {
        var exchange = Self.exchange()
        #expect(exchange.received(Array(message.utf8)) == .fail(.malformed))
        #expect(exchange.received(Array(Self.clientFirst.utf8)) == .fail(.unexpected))
    }

    @Test func refusesWhatIsNotUTF8() {
        var exchange = Self.exchange()
        #expect(exchange.received(Array("n,,n=".utf8) + [0xC3] + Array(",r=x".utf8)) == .fail(.malformed))
    }

    @Test(arguments: [
        (clientFinal.replacing("p=d", with: "p=e"), SASLFailure.refused),
        (clientFinal.replacing("c=biws", with: "c=eSws"), .malformed),
        (clientFinal.replacing("hNlF", with: "hNlf"), .malformed),
        (clientFinal.replacing("p=dHzb", with: "p="), .malformed),
        (clientFinal.replacing(",p=", with: ",e=x,p="), .refused),
        (String(clientFinal.dropLast(46)), .malformed), ("", .malformed), ("c=biws", .malformed),
        ("c=biws,r=x,p=", .malformed), (clientFinal + ",x=y", .malformed),
    ])
    func refusesFinalMessages(_ message: String, _ failure: SASLFailure) throws {
        let keys = try #require(Self.keys)
        var exchange = Self.exchange()
        _ = exchange.received(Array(Self.clientFirst.utf8))
        _ = exchange.answered(.keys(keys))
        #expect(exchange.received(Array(message.utf8)) == .fail(failure))
    }

    @Test func everyFlippedBitOfTheProofIsRefused() throws {
        let keys = try #require(Self.keys)
        var started = Self.exchange()
        _ = started.received(Array(Self.clientFirst.utf8))
        _ = started.answered(.keys(keys))
        let head = Array(Self.clientFinalWithoutProof.utf8) + [0x2C]
        let proof = try #require(Base64.decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=".utf8))
        for index in proof.indices {
            var wrong = proof
            wrong[index] ^= 1
            var exchange = started
            #expect(exchange.received(head + Array("p=".utf8) + Base64.encode(wrong)) == .fail(.refused))
        }
    }

    /// RFC 5802 section 6: what a client says about binding, and what is offered.
    @Test(arguments: [
        (SCRAMBinding.none, "n", true), (.none, "y", true), (.none, "p=tls-exporter", false),
        (.offered, "n", true), (.offered, "y", false), (.offered, "p=tls-exporter", false),
        (.required(["tls-exporter": [1]]), "p=tls-exporter", true),
        (.required(["tls-exporter": [1]]), "p=tls-unique", false),
        (.required(["tls-exporter": [1]]), "n", false), (.required(["tls-exporter": [1]]), "y", false),
    ])
    func bindsTheChannel(_ binding: SCRAMBinding, _ flag: String, _ isTaken: Bool) throws {
        var exchange = Self.exchange(binding)
        let action = exchange.received(Array((flag + ",,n=user,r=rOprNGfwEbeRWgbNEkqO").utf8))
        #expect(action == (isTaken ? Self.ask("user") : .fail(.malformed)))
    }

    @Test(arguments: [true, false]) func theProofCoversTheChannel(_ isSameChannel: Bool) throws {
        let keys = try #require(Self.keys)
        let header = "p=tls-exporter,,"
        let bare = "n=user,r=abc"
        var exchange = Self.exchange(.required(["tls-exporter": [1, 2, 3]]))
        _ = exchange.received(Array((header + bare).utf8))
        guard case .challenge(let challenge) = exchange.answered(.keys(keys)) else {
            Issue.record("no challenge")
            return
        }
        let data: [UInt8] = isSameChannel ? [1, 2, 3] : [1, 2, 4]
        let withoutProof =
            Array("c=".utf8) + Base64.encode(Array(header.utf8) + data) + Array(",r=abc".utf8) + Self.nonce
        let covered = Array(bare.utf8) + [0x2C] + challenge + [0x2C] + withoutProof
        // The client's side, from the stored key's preimage: the client key of `pencil`.
        let signature = Self.mac(keys.storedKey, covered)
        let exampleCovered = Array(
            "n=user,r=rOprNGfwEbeRWgbNEkqO,\(Self.serverFirst),\(Self.clientFinalWithoutProof)"
                .utf8)
        let exampleProof = try #require(Base64.decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=".utf8))
        let clientKey = zip(exampleProof, Self.mac(keys.storedKey, exampleCovered)).map { $0 ^ $1 }
        let proof = Base64.encode(zip(clientKey, signature).map { $0 ^ $1 })
        let action = exchange.received(withoutProof + Array(",p=".utf8) + proof)
        if isSameChannel {
            guard case .done = action else {
                Issue.record("\(action)")
                return
            }
        } else {
            #expect(action == .fail(.malformed))
        }
    }

    @Test func eventsOutOfOrderEndIt() throws {
        let keys = try #require(Self.keys)
        var exchange = Self.exchange()
        #expect(exchange.answered(.keys(keys)) == .fail(.unexpected))
        for answer in [SASLAnswer.accepted, .refused] {
            exchange = Self.exchange()
            _ = exchange.received(Array(Self.clientFirst.utf8))
            #expect(exchange.answered(answer) == .fail(answer == .refused ? .refused : .unexpected))
        }
        exchange = Self.exchange()
        _ = exchange.received(Array(Self.clientFirst.utf8))
        #expect(exchange.received(Array(Self.clientFinal.utf8)) == .fail(.unexpected))
    }

    @Test func storedFormIsReadBack() throws {
        let keys = try #require(Self.keys)
        #expect(SCRAMKeys(hash: .sha256, stored: keys.stored) == keys)
        #expect(SCRAMKeys(hash: .sha1, stored: keys.stored) == nil)
        for text in ["", "4096", "4096,,,", "0,YQ==,YQ==,YQ==", "99999999999,YQ==,YQ==,YQ==", "-1,YQ==,YQ==,YQ=="] {
            #expect(SCRAMKeys(hash: .sha256, stored: Array(text.utf8)) == nil)
        }
    }
}
