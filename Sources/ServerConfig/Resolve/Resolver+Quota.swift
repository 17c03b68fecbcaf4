/// Quotas: `quota NAME { }`, `quota_warning NAME { }`, and what stands in `plugin { }` in older configurations.
extension Resolver {
    /// `quota "User quota" { storage_size = 1G  warning almost-full { ... } }`
    mutating func quota(_ name: String, _ inner: [Statement], at place: SourcePlace) {
        let title = name.isEmpty ? "quota" : "quota \(name)"
        if !name.isEmpty { self.settings.quota.name = name }
        for statement in inner {
            switch statement.content {
            case .assignment(let value):
                let name = statement.name.hasPrefix("quota_") ? statement.name : "quota_" + statement.name
                if name == "quota_driver" {
                    self.out.warn(
                        statement.place, "\(statement.name): what is used is always counted exactly; remove it")
                    continue
                }
                self.out.assign(
                    name, value, at: statement.place, to: &self.settings, rows: Schema.quota, block: title)
            case .block(let warning, let settings):
                guard ["warning", "quota_warning"].contains(statement.name) else {
                    self.out.unknown(
                        statement.name, at: statement.place, among: ["warning"], block: title, isBlock: .block)
                    continue
                }
                self.quotaWarning(warning, settings, at: statement.place)
            }
        }
    }

    mutating func quotaWarning(_ name: String, _ inner: [Statement], at place: SourcePlace) {
        let title = "quota_warning \(name)"
        if name.isEmpty { self.out.error(place, "quota_warning without a name; write quota_warning NAME { }") }
        var warning = QuotaWarningSettings(name: name)
        for statement in inner {
            switch statement.content {
            case .assignment(let value):
                self.out.assign(
                    statement.name, value, at: statement.place, to: &warning, rows: Schema.quotaWarning,
                    block: title)
            case .block(let program, let arguments):
                guard statement.name == "execute" else {
                    self.out.unknown(
                        statement.name, at: statement.place, among: ["execute"], block: title, isBlock: .block)
                    continue
                }
                var text = program
                for argument in arguments {
                    guard argument.name == "args" || argument.name == "execute_args",
                        case .assignment(let value) = argument.content
                    else { continue }
                    text += " " + value.text
                }
                self.out.assign(
                    "quota_warning_execute", SettingValue(text), at: statement.place, to: &warning,
                    rows: Schema.quotaWarning, block: title)
            }
        }
        self.checkProgram(of: warning, at: place)
        if let known = self.settings.quota.warnings.firstIndex(where: { $0.name == name }) {
            self.out.error(place, "\(title) is there already; give it another name")
            self.settings.quota.warnings[known] = warning
        } else {
            self.settings.quota.warnings.append(warning)
        }
    }

    private mutating func checkProgram(of warning: QuotaWarningSettings, at place: SourcePlace) {
        guard !warning.execute.isEmpty, !warning.execute.hasPrefix("/") else { return }
        self.out.error(
            place,
            "quota_warning \(warning.name): \"\(warning.execute)\" is no absolute path of a program; write quota_warning_execute = /path/of/program ARGUMENTS"
        )
    }

    // MARK: plugin { }

    /// Whether a setting is one of the quota's in the older spelling.
    static func isPluginQuota(_ name: String) -> Bool {
        for prefix in ["quota_rule", "quota_warning", "quota"] where name.hasPrefix(prefix) {
            if name.dropFirst(prefix.count).allSatisfy({ $0.isASCII && $0.isNumber }) { return true }
        }
        return false
    }

    mutating func pluginQuota(_ name: String, _ value: SettingValue, at place: SourcePlace) {
        if name.hasPrefix("quota_rule") {
            guard let rule = QuotaRuleText(value.text) else {
                return self.out.error(
                    place, "\(name): \"\(value.text)\" is no rule; write one such as *:storage=1G")
            }
            self.checkRule(rule, name, at: place)
            self.quotaRules.append(rule)
        } else if name.hasPrefix("quota_warning") {
            self.pluginWarning(name, value.text, at: place)
        } else {
            // `maildir:User quota:ns=...`
            let parts = value.text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            guard name == "quota" else {
                return self.out.error(place, "\(name): one quota root is there; remove it")
            }
            if parts.count > 1, !parts[1].isEmpty { self.settings.quota.name = parts[1] }
        }
    }

    /// What a rule may say in the older spelling and not here.
    private mutating func checkRule(_ rule: QuotaRuleText, _ name: String, at place: SourcePlace) {
        if rule.mailbox == "*" {
            if rule.storage?.isRelative == true || rule.messages?.isRelative == true {
                self.out.error(place, "\(name): the account's own limit has no +; write one such as *:storage=1G")
            }
        } else if rule.storage?.isRelative == false || rule.messages?.isRelative == false {
            self.out.error(
                place,
                "\(name): a mailbox has no limit of its own; write \(rule.mailbox):storage=+1G, \(rule.mailbox):ignore, or remove it"
            )
        } else if case .extra = rule.messages {
            self.out.error(
                place, "\(name): further messages are a percentage; write one such as \(rule.mailbox):messages=+10%")
        }
    }

    /// `storage=95%% quota-warning 95 %u`, with a `-` in front for falling below.
    private mutating func pluginWarning(_ name: String, _ text: String, at place: SourcePlace) {
        var words = text.split(separator: " ").map(String.init)
        guard !words.isEmpty else { return }
        var condition = words.removeFirst()
        var warning = QuotaWarningSettings(name: name)
        if condition.hasPrefix("-") {
            warning.threshold = .under
            condition.removeFirst()
        } else if condition.hasPrefix("+") {
            condition.removeFirst()
        }
        let pair = condition.split(separator: "=", maxSplits: 1).map(String.init)
        let digits = pair.last?.prefix { $0.isASCII && $0.isNumber } ?? ""
        guard pair.count == 2, let percentage = Int(digits), (1...1000).contains(percentage),
            pair[1].dropFirst(digits.count).allSatisfy({ $0 == "%" }), pair[1].hasSuffix("%"),
            pair[0] == "storage" || pair[0] == "messages"
        else {
            return self.out.error(
                place, "\(name): \"\(condition)\" is no level; write one such as storage=95%")
        }
        if pair[0] == "storage" {
            warning.storagePercentage = percentage
        } else {
            warning.resource = .message
            warning.messagePercentage = percentage
        }
        if words.first?.hasPrefix("/") == true {
            self.out.assign(
                "quota_warning_execute", SettingValue(words.joined(separator: " ")), at: place, to: &warning,
                rows: Schema.quotaWarning)
        } else if !words.isEmpty {
            self.out.warn(
                place, "\(name): Martlet writes the warning itself and does not run \(words[0]); see quota_warning_text"
            )
        }
        self.settings.quota.warnings.append(warning)
    }

    /// Puts rules of the older spelling where those of the newer one stand.
    mutating func finishQuota() {
        for rule in self.quotaRules {
            if rule.mailbox == "*" {
                switch rule.storage {
                case .limit(let octets): self.settings.quota.storageSize = octets
                case .extra, .extraPercentage, nil: break
                }
                switch rule.messages {
                case .limit(let count): self.settings.quota.messageCount = Int(clamping: count)
                case .extra, .extraPercentage, nil: break
                }
                continue
            }
            guard let (home, name) = rule.place(in: self.settings.namespaces) else { continue }
            let index: Int
            if let known = self.settings.namespaces[home].mailboxes.firstIndex(where: { $0.name == name }) {
                index = known
            } else {
                index = self.settings.namespaces[home].mailboxes.count
                self.settings.namespaces[home].mailboxes.append(MailboxSettings(name: name))
            }
            self.settings.namespaces[home].mailboxes[index].apply(rule)
        }
    }
}

extension MailboxSettings {
    /// Takes over what a rule says of a mailbox.
    public mutating func apply(_ rule: QuotaRuleText) {
        if rule.isIgnored { self.ignoresQuota = true }
        switch rule.storage {
        case .extra(let octets): self.quotaStorageExtra = octets
        case .extraPercentage(let percent): self.quotaStoragePercentage = max(0, 100 + percent)
        // A limit of its own for one mailbox there is not.
        case .limit, nil: break
        }
        if case .extraPercentage(let percent) = rule.messages {
            self.quotaMessagePercentage = max(0, 100 + percent)
        }
    }
}
