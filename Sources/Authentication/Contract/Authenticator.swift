public import SASLCore

/// Checks credentials and looks up users: what servers see of authentication.
///
/// Calls may take seconds (delays after failures, slow hashes, PAM); none blocks the caller's thread.
public protocol Authenticator: Sendable {
    /// Runs one exchange of `mechanism`.
    ///
    /// `answer` is called for each challenge (before base64, maybe empty) on the caller's isolation: it sends
    /// the challenge to the client and returns what the client replied. It is not called when
    /// `initialResponse` is all the mechanism needs. `nil` is none; an empty one is one, and goes to the
    /// mechanism (RFC 4959 section 3). A cancelled task ends the exchange with `.cancelled`.
    func authenticate(
        _ request: AuthenticationRequest, mechanism: SASLMechanismName, initialResponse: [UInt8]?,
        answer: (_ challenge: [UInt8]) async -> SASLClientReply
    ) async -> AuthenticationOutcome

    /// The record of a user without a password: for deliveries and administration.
    func lookup(_ user: String, _ request: AuthenticationRequest) async -> UserLookup

    /// The names of all users that match `mask` (`*` and `?` are wildcards), in the database's order.
    ///
    /// Databases that cannot list give nothing. Throws `.temporary` when a database did not answer.
    func list(
        matching mask: String, _ request: AuthenticationRequest
    ) async throws(AuthenticationFailure) -> [String]
}

extension Authenticator {
    /// Checks a user name and a password (IMAP LOGIN, POP3 USER and PASS).
    public func authenticate(
        _ request: AuthenticationRequest, user: String, password: [UInt8]
    ) async -> AuthenticationOutcome {
        guard let message = PlainExchange.message(user: user, password: password) else {
            return .failure(AuthenticationFailure(.credentials))
        }
        return await self.authenticate(request, mechanism: .plain, initialResponse: message) { _ in
            .cancelled
        }
    }
}
