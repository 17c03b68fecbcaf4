/// What is done when an account's usage crosses a level.
public struct QuotaWarning: Sendable, Hashable {
    /// The name of the level, `QuotaThreshold.name`.
    public var name: String
    /// Whether the user gets a mail.
    public var sendsMail = true
    /// With variables, as `text`; empty: our own.
    public var subject = ""
    public var text = ""
    /// A program, absolute, with arguments that may hold variables; empty: none. The mail is on its standard input.
    public var program: [String] = []

    public init(name: String) { self.name = name }

    static let overSubject = "Your mailbox is %{percentage}%% full"
    static let overText = """
        Your mailbox %{user} is %{percentage}%% full: it holds %{usage} of %{limit}.

        When it is full, new mail to you goes back to its senders. Please delete what you no longer need, \
        and empty the trash.

        """
    static let underSubject = "Your mailbox has room again"
    static let underText = """
        Your mailbox %{user} takes mail again: it holds %{usage} of %{limit}.

        """
}
