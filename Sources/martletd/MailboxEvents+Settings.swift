import Delivery
import Logging
import ServerConfig
import SieveCore
import Wiring

extension SieveOptions {
    /// For scripts over messages that are in a mailbox already.
    static func filed(_ settings: Settings, _ logger: Logger) -> SieveOptions {
        var options = SieveOptions(settings, logger)
        options.hostname = MailServices.hostname(settings)
        options.policy.postmasterAddress = settings.postmaster(hostname: MailServices.hostname(settings))
        return options
    }
}

extension MailboxEvents.Options {
    /// What the settings say of scripts and of the junk filter.
    init(_ configuration: Configuration, _ output: (String) -> Logger) {
        self.init()
        let settings = configuration.settings(for: .imap)
        let sieveLogger = output("imap")
        self.report = { sieveLogger.error("\($0)") }
        self.warn = { sieveLogger.warning("\($0)") }
        let events = settings.events
        if !events.scripts.isEmpty || !events.url.isEmpty {
            self.scripts = EventScripts(
                .filed(settings, sieveLogger), rules: events.scripts.map { EventScripts.Rule($0) },
                directory: events.url.isEmpty || !settings.imap.offersMetadata ? nil : settings.sieve.personal.path,
                expungesDiscarded: events.expungesDiscarded, createsMailboxes: settings.delivery.createsMailboxes,
                address: MailFilter.address(settings))
        }
        if !settings.junk.learnSpam.isEmpty || !settings.junk.learnHam.isEmpty {
            var rules = JunkRules()
            rules.learnsKeywords = settings.junk.learnsKeywords
            self.junk = rules
        }
    }
}

extension EventScripts.Rule {
    init(_ script: EventScriptSettings) {
        let time: Time =
            switch script.type {
            case .before: .before
            case .after: .after
            case .copySourceAfter: .sourceAfter
            }
        let causes = script.causes.map { cause -> MailboxEvent.Cause in
            switch cause {
            case .append: .append
            case .copy: .copy
            case .flag: .flag
            }
        }
        self.init(time, causes: Set(causes), path: script.path, mailbox: script.mailbox, source: script.source)
    }
}

extension JunkTrainer.Options {
    init(_ configuration: Configuration, _ logger: Logger) {
        self.init()
        let junk = configuration.settings(for: .imap).junk
        self.spam = QuotaWarner.Options.words(junk.learnSpam)
        self.ham = QuotaWarner.Options.words(junk.learnHam)
        self.timeout = junk.timeout
        self.batch = junk.batch
        self.expand = { text, value in Expansion.expand(text, value) }
        self.report = { logger.error("\($0)") }
        self.log = { logger.info("\($0)") }
    }
}

extension MailFilter {
    /// FILTER over IMAP; `nil` where users may not bring scripts of their own (no ManageSieve).
    static func imap(_ configuration: Configuration, _ logger: Logger) -> MailFilter? {
        let settings = configuration.settings(for: .imap)
        guard settings.general.protocols.contains(.sieve) else { return nil }
        return MailFilter(
            .filed(settings, logger), createsMailboxes: settings.delivery.createsMailboxes,
            expungesDiscarded: settings.events.expungesDiscarded, address: self.address(settings))
    }

    /// `martlet sieve filter`.
    static func forAdministrator(_ configuration: Configuration, removes: Bool, _ logger: Logger) -> MailFilter {
        let settings = configuration.settings(for: .lmtp)
        return MailFilter(
            .filed(settings, logger), createsMailboxes: settings.delivery.createsMailboxes, expungesDiscarded: removes,
            address: self.address(settings))
    }

    /// The address of a user: the name, where it has a domain.
    static func address(_ settings: Settings) -> @Sendable (String) -> String {
        let hostname = MailServices.hostname(settings)
        return { user in user.contains("@") ? user : "\(user)@\(hostname)" }
    }
}
