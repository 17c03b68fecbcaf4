import SASLCore

/// One AUTH request from its first line to its last reply.
struct AuthAttempt {
    enum Phase {
        /// Waits because its address failed before; then the initial response is looked at.
        case penalised(initialResponse: [UInt8]?)
        case awaitingClient(deadline: Ticks)
        /// A pool thread or PAM worker is at it.
        case verifying(PasswordCheck, pamService: String)
        /// A pool thread makes the keys for the exchange.
        case derivingKeys
        /// A pool thread finds out whose token it is.
        case checkingToken
        /// The client is authenticated and has to take note of the mechanism's last data.
        case finishing(AcceptedPassword, deadline: Ticks)
        /// The password was right; the user's record is being made, or the exchange ends.
        case accepted(AcceptedPassword)
        /// The challenge that says that a token is refused is held back.
        case heldRefusal
        /// The failed reply is held back.
        case held(reply: [UInt8])
        /// Between two phases, within one call.
        case moving
    }

    enum Answer {
        case bare
        /// With the user's record, for the mail role.
        case withRecord
    }

    let connection: UInt64
    let id: UInt32
    let request: AuthenticationRequest
    let answer: Answer
    /// The databases when it began: a reload in between does not mix two chains.
    let verifier: Verifier
    var exchange: any SASLExchange
    var phase: Phase
    /// When it was first looked at.
    var started: Ticks
    /// The canonical name, once known.
    var user: String?
    let isFreeOfPenalty: Bool
    /// By what open attempts of its address are counted; `nil` when they are not.
    let penaltyKey: [UInt8]?
    /// Whose keys the exchange has.
    var candidate: Verifier.Candidate?
    /// Whether a token and no password was right: the issuer has users of whom nobody here knows.
    var isByToken = false
    /// Why the token was refused.
    var refusal: AuthenticationFailure?
    /// What the mechanism has for the client beside the success.
    var successData: [UInt8]?

    var awaitsClient: Bool {
        switch self.phase {
        case .awaitingClient, .finishing: true
        case .penalised, .verifying, .derivingKeys, .checkingToken, .accepted, .heldRefusal, .held, .moving: false
        }
    }
}
