import MailCore
import SASLCore

/// Mechanisms under any order of responses and answers: an exchange ends once, asks only for what has no NUL and is within
/// its limits, and succeeds only where the verifier said so or a proof fits the keys that it gave.
func fuzzSASL(_ input: FuzzInput) {
    var input = input
    let mechanisms =
        SASLRegistry.builtIn.mechanisms + [
            scram(.none), scram(.required(["tls-exporter": [1, 2, 3]])), .oauthBearer(BearerDiscovery(scope: "s")),
            .xoauth2(BearerDiscovery()),
        ]
    let mechanism = mechanisms[input.number(below: mechanisms.count)]
    var exchange = mechanism.begin()
    var isOver = false
    var isAsked = false
    var isAccepted = false
    var hasKeys = false
    for step in 0..<24 where !input.isEmpty {
        let event = input.octet()
        let action: SASLAction
        isAccepted = false
        if event & 3 == 0 {
            switch event >> 2 & 3 {
            case 0: action = exchange.answered(.refused)
            case 1:
                isAccepted = isAsked
                action = exchange.answered(.accepted)
            default:
                hasKeys = isAsked
                action = keys.map { exchange.answered(.keys($0)) } ?? .fail(.refused)
            }
        } else {
            action = exchange.received(step == 0 && event & 4 == 0 ? nil : input.field(until: 0xFF))
        }
        switch action {
        case .done(let data):
            // The toy hash has one octet that counts, so that a proof can be guessed.
            need(!isOver && (isAccepted || (hasKeys && data != nil)), "success without a reason")
            isOver = true
        case .fail: isOver = true
        case .challenge, .ask: need(!isOver, "it goes on behind its end")
        }
        isAsked = false
        if case .ask(let question) = action {
            isAsked = true
            check(question)
        }
    }
    let name = input.field()
    if let parsed = SASLMechanismName(bytes: name) { need(SASLMechanismName(parsed.text) == parsed) }
    if let prepared = SASLPrep.prepare(String(decoding: name, as: UTF8.self)) {
        same(SASLPrep.prepare(prepared).map { Array($0.utf8) }, Array(prepared.utf8), "SASLprep twice")
    }
    if let keys = SCRAMKeys(hash: .sha256, stored: name) {
        same(SCRAMKeys(hash: .sha256, stored: keys.stored), keys, "stored keys")
    }
}

private let keys = SCRAMKeys(
    hash: .sha256, iterations: 1, salt: [1], storedKey: [UInt8](repeating: 0, count: 32),
    serverKey: [UInt8](repeating: 0, count: 32))

/// A hash of one octet that counts.
private func sum(_ octets: [UInt8]) -> [UInt8] {
    [octets.reduce(0) { $0 &+ ($1 & 1) } & 1] + [UInt8](repeating: 0, count: 31)
}

/// SCRAM with functions that are quick and can be guessed.
private func scram(_ binding: SCRAMBinding) -> SASLMechanism {
    @Sendable func sum(_ octets: [UInt8]) -> [UInt8] {
        [octets.reduce(0) { $0 &+ ($1 & 1) } & 1] + [UInt8](repeating: 0, count: 31)
    }
    let functions = SCRAMFunctions(digest: { sum($0) }, mac: { sum($0 + $1) })
    return SASLMechanism(name: .scramSHA256, properties: .mutualAuthentication) { _ in
        SCRAMExchange(hash: .sha256, functions: functions, nonce: Array("x".utf8), binding: binding)
    }
}

private func check(_ question: SASLQuestion) {
    switch question {
    case .password(let credentials):
        need(!credentials.authenticationIdentity.isEmpty && !credentials.password.isEmpty)
        need(credentials.authenticationIdentity.utf8.count <= SASLCredentials.maximumLength)
        need(credentials.password.count <= SASLCredentials.maximumLength)
        need(!credentials.password.contains(0) && !credentials.authenticationIdentity.utf8.contains(0))
        let message = PlainExchange.message(
            user: credentials.authenticationIdentity, password: credentials.password,
            authorizationIdentity: credentials.authorizationIdentity)
        same(message.flatMap { PlainExchange.parse($0) }, credentials, "PLAIN")
    case .keys(let identity):
        need(!identity.authenticationIdentity.isEmpty && !identity.authenticationIdentity.utf8.contains(0))
        need(identity.authorizationIdentity?.isEmpty != true)
        same(SASLPrep.prepare(identity.authenticationIdentity), identity.authenticationIdentity, "prepared name")
    case .token(let token):
        need(!token.token.isEmpty && token.token.allSatisfy { $0 > 0x20 && $0 < 0x7F })
        need(token.authorizationIdentity.map { !$0.isEmpty && $0.utf8.count <= SASLCredentials.maximumLength } ?? true)
    }
}
