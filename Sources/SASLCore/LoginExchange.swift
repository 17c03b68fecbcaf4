/// LOGIN (draft-murchison-sasl-login): asks for the user name, then for the password.
///
/// ```
/// S: Username:
/// C: tim
/// S: Password:
/// C: tanstaaftanstaaf
/// ```
public struct LoginExchange: SASLExchange {
    private enum State {
        case start
        case wantsUser
        case wantsPassword(user: String)
        case asking
        case over
    }

    // The draft's own texts break a widely used client, which wants these (section 2.2).
    private static let userChallenge = Array("Username:".utf8)
    private static let passwordChallenge = Array("Password:".utf8)

    private var state = State.start

    public init() {}

    public mutating func received(_ response: [UInt8]?) -> SASLAction {
        switch self.state {
        case .start:
            // The draft has no initial response, but clients send the user name as one; an empty one is no name.
            guard let response, !response.isEmpty else {
                self.state = .wantsUser
                return .challenge(Self.userChallenge)
            }
            return self.takeUser(response)
        case .wantsUser:
            return self.takeUser(response ?? [])
        case .wantsPassword(let user):
            let password = response ?? []
            guard Self.isAcceptable(password) else { return self.fail(.malformed) }
            self.state = .asking
            return .ask(
                .password(
                    SASLCredentials(
                        authorizationIdentity: nil, authenticationIdentity: user, password: password)))
        case .asking, .over:
            return self.fail(.unexpected)
        }
    }

    public mutating func answered(_ answer: SASLAnswer) -> SASLAction {
        guard case .asking = self.state else { return self.fail(.unexpected) }
        self.state = .over
        switch answer {
        case .accepted: return .done(serverData: nil)
        case .refused: return .fail(.refused)
        case .keys: return .fail(.unexpected)
        }
    }

    private mutating func takeUser(_ bytes: [UInt8]) -> SASLAction {
        guard Self.isAcceptable(bytes), let user = String(validating: bytes, as: UTF8.self) else {
            return self.fail(.malformed)
        }
        self.state = .wantsPassword(user: user)
        return .challenge(Self.passwordChallenge)
    }

    private mutating func fail(_ failure: SASLFailure) -> SASLAction {
        self.state = .over
        return .fail(failure)
    }

    private static func isAcceptable(_ bytes: [UInt8]) -> Bool {
        (1...SASLCredentials.maximumLength).contains(bytes.count) && !bytes.contains(0)
    }
}
