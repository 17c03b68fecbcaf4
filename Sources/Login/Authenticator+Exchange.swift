public import Authentication
public import SASLCore
public import ServerCore

extension Authenticator {
    /// Runs one exchange of `mechanism` over a connection that may fail.
    ///
    /// `exchange` sends a challenge (before base64) to the client and returns what the client said to it. What is
    /// pending is sent first: it answers earlier commands, and the check may take seconds. Throws what `exchange`
    /// threw.
    public func authenticate(
        on connection: Connection, service: String, mechanism: SASLMechanismName, initialResponse: [UInt8]?,
        successData: SuccessData = .asChallenge,
        exchange: (_ challenge: [UInt8]) async throws(ConnectionError) -> SASLClientReply
    ) async throws(ConnectionError) -> AuthenticationOutcome {
        try await connection.flush()
        var failure: ConnectionError?
        var request = AuthenticationRequest(service: service, on: connection)
        request.successData = successData
        if !mechanism.sendsPassword, !mechanism.sendsToken { request.channelBindings = connection.channelBindings }
        let outcome = await self.authenticate(
            request, mechanism: mechanism, initialResponse: initialResponse
        ) { challenge in
            do throws(ConnectionError) {
                return try await exchange(challenge)
            } catch {
                failure = error
                return .cancelled
            }
        }
        if let failure { throw failure }
        return outcome
    }

    /// Checks a user name and a password that came over a connection, after what is pending was sent.
    public func authenticate(
        on connection: Connection, service: String, user: String, password: [UInt8]
    ) async throws(ConnectionError) -> AuthenticationOutcome {
        try await connection.flush()
        return await self.authenticate(
            AuthenticationRequest(service: service, on: connection), user: user, password: password)
    }
}
