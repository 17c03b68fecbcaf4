import SASLCore
import Testing

@testable import Login

@Suite struct MechanismOfferTests {
    static let all: [SASLMechanismName] = [.scramSHA256Plus, .scramSHA256, .plain, .login, .oauthBearer]

    @Test(
        arguments: [
            (.tls(canBind: true), false, true, all),
            (.tls(canBind: false), false, true, [.scramSHA256, .plain, .login, .oauthBearer]),
            (.local, false, true, [.scramSHA256, .plain, .login, .oauthBearer]),
            // In clear: what sends no password, unless TLS is required; tokens never.
            (.none, false, false, [.scramSHA256]), (.none, true, false, [.scramSHA256, .plain, .login]),
            (.none, false, true, []), (.none, true, true, []),
        ] as [(MechanismOffer.Protection, Bool, Bool, [SASLMechanismName])])
    func offers(
        _ protection: MechanismOffer.Protection, _ allowsCleartext: Bool, _ requiresTLS: Bool,
        _ expected: [SASLMechanismName]
    ) {
        let offer = MechanismOffer(protection, allowsCleartext: allowsCleartext, requiresTLS: requiresTLS)
        #expect(offer.mechanisms(Self.all) == expected)
    }
}
