/// What ended or advanced one request of an `AuthClient`.
enum AuthClientReply: Sendable {
    case ok([String: String])
    case challenge([UInt8])
    case failed(AuthenticationFailure)
    case user(String, [String: String])
    case notFound
    case names([String])
    /// No answer: the connection or the wait ended.
    case lost(String)
}

/// One request that waits for its reply.
struct AuthClientPending {
    let continuation: CheckedContinuation<AuthClientReply, Never>
    let deadline: Ticks
    /// The request's line, sent once more on a new connection; empty when it cannot be repeated.
    var resend: [UInt8]
    /// Names of a LIST so far.
    var names: [String] = []
}
