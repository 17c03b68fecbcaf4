public import Authentication
import MailCore
public import MailStore
public import ServerConfig

/// The rules of quotas, from settings and from the fields of a user.
public struct AccountQuota: Sendable {
    private let base: QuotaRules
    private let namespace: NamespaceSettings?

    public init(_ settings: Settings) {
        let quota = settings.quota
        var rules = QuotaRules()
        rules.name = quota.name
        rules.limits.storage = Self.limit(quota.storageSize)
        rules.limits.messages = Self.limit(UInt64(clamping: quota.messageCount))
        rules.storageGrace = Int64(clamping: quota.storageGrace)
        rules.maximumMessageSize = quota.mailSize
        for namespace in settings.namespaces {
            for mailbox in namespace.mailboxes {
                if let rule = Self.rule(mailbox, in: namespace) { rules.mailboxRules.append(rule) }
            }
        }
        rules.thresholds = quota.warnings.map { warning in
            QuotaThreshold(
                name: warning.name, resource: warning.resource == .storage ? .storage : .messages,
                percentage: Int64(warning.percentage), direction: warning.threshold == .over ? .over : .under)
        }
        self.base = rules
        self.namespace = settings.namespaces.first { $0.holdsInbox }
    }

    /// What holds for a user: fields `quota_storage_size`, `quota_message_count`, `quota_storage_grace` and
    /// `quota_mail_size`, then `quota_rule`, `quota_rule2` and so on. A field that means nothing changes nothing.
    public func rules(of user: UserRecord) -> QuotaRules {
        var rules = self.base
        if user.fields.isEmpty { return rules }
        if let octets = Self.size(user, "quota_storage_size") { rules.limits.storage = Self.limit(octets) }
        if let count = user.fields["quota_message_count"].flatMap({ UInt64($0) }) {
            rules.limits.messages = Self.limit(count)
        }
        if let octets = Self.size(user, "quota_storage_grace") { rules.storageGrace = Int64(clamping: octets) }
        if let octets = Self.size(user, "quota_mail_size") ?? Self.size(user, "quota_max_mail_size") {
            rules.maximumMessageSize = octets
        }
        let fields = user.fields.keys.filter { $0.hasPrefix("quota_rule") }
        for name in fields.sorted(by: { ($0.utf8.count, $0) < ($1.utf8.count, $1) }) {
            guard let rule = user.fields[name].flatMap({ QuotaRuleText($0) }) else { continue }
            self.apply(rule, to: &rules)
        }
        return rules
    }

    private func apply(_ rule: QuotaRuleText, to rules: inout QuotaRules) {
        if rule.mailbox == "*" {
            if case .limit(let octets) = rule.storage { rules.limits.storage = Self.limit(octets) }
            if case .limit(let count) = rule.messages { rules.limits.messages = Self.limit(count) }
            return
        }
        guard let namespace = self.namespace else { return }
        var name = rule.mailbox
        if !namespace.prefix.isEmpty, name.hasPrefix(namespace.prefix) {
            name.removeFirst(namespace.prefix.count)
        }
        var mailbox = namespace.mailboxes.first { $0.name == name } ?? MailboxSettings(name: name)
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

    private static func size(_ user: UserRecord, _ name: String) -> UInt64? {
        guard let text = user.fields[name], case .value(let octets) = SettingSyntax.size(text) else {
            return nil
        }
        return octets
    }

    /// 0 is no limit.
    private static func limit(_ value: UInt64) -> Int64? { value == 0 ? nil : Int64(clamping: value) }
}
