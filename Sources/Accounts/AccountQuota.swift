public import Authentication
import MailCore
public import MailStore
public import ServerConfig

/// The rules of quotas, from settings and from the fields of a user.
public struct AccountQuota: Sendable {
    private let base: QuotaRules
    private let namespaces: [NamespaceSettings]
    /// Rules of mailboxes for each of `namespaces`.
    private let mailboxRules: [[MailboxQuotaRule]]
    private let report: @Sendable (String) -> Void

    /// - Parameter report: gets a sentence for each field of a user that means nothing, each time that it is looked at.
    public init(_ settings: Settings, report: @escaping @Sendable (String) -> Void = { _ in }) {
        self.report = report
        let quota = settings.quota
        var rules = QuotaRules()
        rules.name = quota.name
        rules.limits.storage = Self.limit(quota.storageSize)
        rules.limits.messages = Self.limit(UInt64(clamping: quota.messageCount))
        rules.storageGrace = Int64(clamping: quota.storageGrace)
        rules.maximumMessageSize = quota.mailSize
        self.namespaces = settings.namespaces
        self.mailboxRules = settings.namespaces.map { namespace in
            namespace.mailboxes.compactMap { Self.rule($0, in: namespace) }
        }
        rules.thresholds = quota.warnings.map { warning in
            QuotaThreshold(
                name: warning.name, resource: warning.resource == .storage ? .storage : .messages,
                percentage: Int64(warning.percentage), direction: warning.threshold == .over ? .over : .under)
        }
        self.base = rules
    }

    /// What holds for a user, and for the mailboxes beside INBOX: fields `quota_storage_size`, `quota_message_count`,
    /// `quota_storage_grace` and `quota_mail_size`, then `quota_rule`, `quota_rule2` and so on. A field that means nothing
    /// changes nothing.
    public func rules(of user: UserRecord) -> QuotaRules {
        var rules = self.base
        let home = self.namespaces.firstIndex { $0.holdsInbox }
        rules.mailboxRules = home.map { self.mailboxRules[$0] } ?? []
        if user.fields.isEmpty { return rules }
        if let octets = self.size(user, "quota_storage_size") { rules.limits.storage = Self.limit(octets) }
        if let text = user.fields["quota_message_count"] {
            if let count = UInt64(text) {
                rules.limits.messages = Self.limit(count)
            } else {
                self.reportField("quota_message_count", text, of: user, "write a number")
            }
        }
        if let octets = self.size(user, "quota_storage_grace") { rules.storageGrace = Int64(clamping: octets) }
        self.applyMailSize(of: user, to: &rules)
        for rule in self.fieldRules(of: user) {
            guard rule.mailbox == "*" else {
                self.apply(rule, at: home, to: &rules)
                continue
            }
            if case .limit(let octets) = rule.storage { rules.limits.storage = Self.limit(octets) }
            if case .limit(let count) = rule.messages { rules.limits.messages = Self.limit(count) }
        }
        return rules
    }

    /// What holds for the mailboxes of a further private namespace: limits and levels are the user's.
    public func rules(of user: UserRecord, inNamespace name: String) -> QuotaRules {
        var rules = QuotaRules()
        rules.name = self.base.name
        rules.maximumMessageSize = self.base.maximumMessageSize
        let index = self.namespaces.firstIndex { $0.name == name }
        if let index { rules.mailboxRules = self.mailboxRules[index] }
        if !user.fields.isEmpty {
            self.applyMailSize(of: user, to: &rules)
            for rule in self.fieldRules(of: user) where rule.mailbox != "*" { self.apply(rule, at: index, to: &rules) }
        }
        // What lies in the root of such a namespace nobody sees, and so cannot tidy up.
        var root = MailboxQuotaRule(pattern: MailboxName.inbox.text)
        root.isIgnored = true
        rules.mailboxRules.insert(root, at: 0)
        return rules
    }

    private func applyMailSize(of user: UserRecord, to rules: inout QuotaRules) {
        guard let octets = self.size(user, "quota_mail_size") ?? self.size(user, "quota_max_mail_size") else { return }
        rules.maximumMessageSize = octets
    }

    private func fieldRules(of user: UserRecord) -> [QuotaRuleText] {
        let fields = user.fields.filter { $0.key.hasPrefix("quota_rule") }
        return fields.sorted { ($0.key.utf8.count, $0.key) < ($1.key.utf8.count, $1.key) }.compactMap {
            (name, text) -> QuotaRuleText? in
            if let rule = QuotaRuleText(text) { return rule }
            self.reportField(name, text, of: user, "write one such as *:storage=1G")
            return nil
        }
    }

    private func reportField(_ name: String, _ text: String, of user: UserRecord, _ help: String) {
        self.report("user \(user.user): \(name)=\(text) from the userdb means nothing, and changes nothing; \(help)")
    }

    /// Puts a rule of one mailbox first, when it is for the namespace at `index`.
    private func apply(_ rule: QuotaRuleText, at index: Int?, to rules: inout QuotaRules) {
        guard let place = rule.place(in: self.namespaces), place.namespace == index else { return }
        let namespace = self.namespaces[place.namespace]
        var mailbox =
            namespace.mailboxes.first { $0.name == place.mailbox } ?? MailboxSettings(name: place.mailbox)
        mailbox.apply(rule)
        if let rule = Self.rule(mailbox, in: namespace) { rules.mailboxRules.insert(rule, at: 0) }
    }

    private static func rule(_ mailbox: MailboxSettings, in namespace: NamespaceSettings) -> MailboxQuotaRule? {
        let plain = MailboxSettings(name: mailbox.name)
        guard
            mailbox.ignoresQuota || mailbox.quotaStoragePercentage != plain.quotaStoragePercentage
                || mailbox.quotaMessagePercentage != plain.quotaMessagePercentage || mailbox.quotaStorageExtra > 0
        else { return nil }
        // Inside, levels are joined by `/` whatever clients see.
        var rule = MailboxQuotaRule(
            pattern: mailbox.name.split(separator: namespace.separator, omittingEmptySubsequences: false)
                .joined(separator: "/"))
        rule.isIgnored = mailbox.ignoresQuota
        rule.storagePercentage = Int64(mailbox.quotaStoragePercentage)
        rule.messagePercentage = Int64(mailbox.quotaMessagePercentage)
        rule.storageExtra = Int64(clamping: mailbox.quotaStorageExtra)
        return rule
    }

    private func size(_ user: UserRecord, _ name: String) -> UInt64? {
        guard let text = user.fields[name] else { return nil }
        guard case .value(let octets) = SettingSyntax.size(text) else {
            self.reportField(name, text, of: user, "write a size such as 1G")
            return nil
        }
        return octets
    }

    /// 0 is no limit.
    private static func limit(_ value: UInt64) -> Int64? { value == 0 ? nil : Int64(clamping: value) }
}
