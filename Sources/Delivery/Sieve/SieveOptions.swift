public import SieveCore

/// Sieve at delivery: which scripts run, and what they may do.
///
/// Paths begin with `/` or `~/`; other variables are left to `expand`.
public struct SieveOptions: Sendable {
    public var limits = SieveLimits()
    /// CPU time of the scripts of one message; zero: only `limits.steps` ends them.
    public var maximumCPUTime: Duration = .seconds(30)
    public var policy = SievePolicy()
    /// The language of users' own scripts.
    public var registry = SieveRegistry.of(SieveRegistry.delivery.intersection(SieveRegistry.standard))
    /// The language of scripts for all users.
    public var globalRegistry = SieveRegistry.of(SieveRegistry.delivery.intersection(SieveRegistry.standard))
    /// Scripts for all users before their own, in order. A directory stands for its `*.sieve` files by name.
    public var before: [String] = []
    /// The user's active script, or a link to it; `nil`: users have none.
    public var personal: String? = "~/.dovecot.sieve"
    /// The directory of the user's own scripts, for those that include others.
    public var personalDirectory: String? = "~/sieve"
    /// The script of users without an active one.
    public var fallback: String?
    /// The name by which users see that script; empty: they do not.
    public var fallbackName = ""
    /// Scripts for all users after their own, as `before`.
    public var after: [String] = []
    /// Scripts for messages that would be discarded, as `before`.
    public var discard: [String] = []
    /// Directories of scripts, or scripts, that others may include by `:global`.
    public var global: [String] = []
    /// The lists that scripts may ask, by their names.
    public var lists: [String: ExternalList] = [:]
    /// The programs that scripts may run.
    public var programs = SieveProgramOptions()
    /// The name of this machine.
    public var hostname: String?
    /// Where users find what went wrong; empty: nowhere.
    public var userLog = "~/.dovecot.sieve.log"
    /// Whether there is an MTA that takes what scripts send.
    public var canSend = true
    /// The user's own address, with variables; empty: not known.
    public var userEmail = ""
    /// Mails that may wait for the MTA, and their octets; 0: no limit.
    public var maximumQueued = 0
    public var maximumQueuedOctets: UInt64 = 0
    /// How long a message is not sent to the same address again.
    public var redirectDuplicatePeriod: Duration = .seconds(12 * 3600)
    /// Replaces variables such as `%{user}` in paths.
    public var expand: @Sendable (String, DeliveryRecipient) -> String = { text, _ in text }
    /// Takes what the administrator should know: faults of scripts for all, and of the program.
    public var report: @Sendable (String) -> Void = { _ in }

    public init() {}

    /// The address of one user.
    func email(of recipient: DeliveryRecipient) -> String? {
        let text = self.expand(self.userEmail, recipient)
        return text.isEmpty ? nil : SieveAddress(quoted: text)?.quoted
    }

    /// The path for one user; `nil` when it needs a home and there is none, or is not absolute.
    func path(_ text: String, for recipient: DeliveryRecipient) -> String? {
        let path = self.expand(text, recipient)
        if path.hasPrefix("/") { return path }
        guard path.hasPrefix("~/"), let home = recipient.home, home.hasPrefix("/") else { return nil }
        return home + path.dropFirst()
    }
}
