/// What PAM said to one login.
enum PAMAnswer: Hashable, Sendable {
    /// The user's name, which a module may have changed.
    case accepted(user: String)
    /// The text is for the log.
    case refused(AuthenticationFailure.Code, String)
}
