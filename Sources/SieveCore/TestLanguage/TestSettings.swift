import MailCore

/// The settings of the engine as test scripts name them.
struct TestSettings {
    private(set) var limits = SieveLimits()
    private(set) var policy = SievePolicy()
    /// Paths of key-value files, by the names of lists.
    private(set) var lists: [String: String] = [:]
    /// Paths of key-value files with scripts, by `included` and `included-global`.
    private(set) var scriptDictionaries: [String: String] = [:]
    private var values: [String: String] = [:]

    static let extensions: Set<String> = Set(SieveExtension.everything.map(\.capability))

    init() { _ = self.reload() }

    mutating func set(_ name: String, _ value: String?) { self.values[name] = value }

    /// Takes over what was set; answers the first name that there is not.
    mutating func reload() -> String? {
        var limits = SieveLimits()
        var policy = SievePolicy()
        policy.postmasterAddress = "postmaster@example.com"
        self.lists = [:]
        self.scriptDictionaries = [:]
        for (name, value) in self.values.sorted(by: { $0.key < $1.key }) {
            guard self.apply(name, value, &limits, &policy) else { return name }
        }
        self.limits = limits
        self.policy = policy
        self.applyNested()
        return nil
    }

    private func apply(
        _ name: String, _ value: String, _ limits: inout SieveLimits, _ policy: inout SievePolicy
    ) -> Bool {
        switch name {
        case "sieve_max_cpu_time": limits.cpuTime = Self.seconds(value)
        case "sieve_max_actions": limits.actions = Self.size(value)
        case "sieve_max_redirects": limits.redirects = Self.size(value)
        case "sieve_max_script_size": limits.scriptSize = Self.size(value)
        case "sieve_user_email":
            let trimmed = value.utf8.filter { $0 != UInt8(ascii: "<") && $0 != UInt8(ascii: ">") && $0 != 0x20 }
            policy.userEmail = String(decoding: trimmed, as: UTF8.self)
        case "sieve_redirect_envelope_from":
            policy.redirectSender = SievePolicy.AddressSource(value) ?? .sender
        case "recipient_delimiter": policy.recipientDelimiter = value
        case "sieve_variables_max_value_size": limits.variableSize = Self.size(value)
        case "sieve_variables_max_scope_count", "sieve_variables_max_scope_size": limits.variables = Self.size(value)
        case "sieve_include_max_nesting_depth": limits.includeNesting = Self.size(value)
        case "sieve_include_max_includes": limits.includes = Self.size(value)
        case "sieve_editheader_max_header_size": policy.editHeader.maximumSize = max(1024, Self.size(value))
        case "sieve_editheader_header": break
        case "sieve_notify_max_notifications": policy.maximumNotifications = Self.size(value)
        case "sieve_notify_mailto_envelope_from": policy.notifySender = SievePolicy.AddressSource(value)
        case "sieve_vacation_min_period": policy.vacation.minimumPeriod = Self.seconds(value)
        case "sieve_vacation_max_period": policy.vacation.maximumPeriod = Self.seconds(value)
        case "sieve_vacation_default_period": policy.vacation.defaultPeriod = Self.seconds(value)
        case "sieve_vacation_default_subject": policy.vacation.defaultSubject = value.isEmpty ? nil : value
        case "sieve_vacation_default_subject_template":
            policy.vacation.subjectTemplate = value.isEmpty ? nil : value
        case "sieve_vacation_use_original_recipient": policy.vacation.usesOriginalRecipient = value == "yes"
        case "sieve_vacation_check_recipient": policy.vacation.checksRecipient = value == "yes"
        case "sieve_vacation_send_from_recipient": policy.vacation.sendsFromRecipient = value == "yes"
        case "sieve_vacation_to_header_ignore_envelope": policy.vacation.repliesToHeader = value == "yes"
        case "sieve_extlists_list", "sieve_extensions", "sieve_script": break
        default:
            if name.hasPrefix("sieve_spamtest_") {
                return Self.status(String(name.dropFirst(15)), value, &policy.spamTest)
            }
            if name.hasPrefix("sieve_virustest_") {
                return Self.status(String(name.dropFirst(16)), value, &policy.virusTest)
            }
            return ["sieve_script/", "sieve_editheader_header/", "sieve_extlists_list/"].contains { name.hasPrefix($0) }
        }
        return true
    }

    private static func status(_ name: String, _ value: String, _ test: inout SievePolicy.StatusTest) -> Bool {
        switch name {
        case "status_type": test.kind = SievePolicy.StatusTest.Kind(rawValue: value)
        case "status_header": test.statusHeader = value
        case "score_max_value": test.maximum = value
        case "score_max_header": test.maximumHeader = value
        default:
            guard name.hasPrefix("text_value/"), let number = Int(name.dropFirst(11)) else { return false }
            test.texts[number] = value
        }
        return true
    }

    /// Settings with names inside: `LIST = a b` and `LIST/a/name`.
    private mutating func applyNested() {
        func entries(_ list: String) -> [String] {
            (self.values[list] ?? "").split(separator: " ").map(String.init)
        }
        for entry in entries("sieve_editheader_header") {
            let prefix = "sieve_editheader_header/\(entry)/"
            let name = (self.values[prefix + "name"] ?? entry).lowercased()
            if self.values[prefix + "forbid_add"] == "yes" { self.policy.editHeader.forbiddenToAdd.insert(name) }
            if self.values[prefix + "forbid_delete"] == "yes" { self.policy.editHeader.forbiddenToDelete.insert(name) }
        }
        for entry in entries("sieve_extlists_list") {
            let prefix = "sieve_extlists_list/\(entry)/"
            let name = self.values[prefix + "name"] ?? entry
            // A list without a file has no members that are known.
            self.lists[name] = self.values.first { $0.key.hasPrefix(prefix) && $0.key.hasSuffix("/path") }?.value ?? ""
        }
        for place in ["included", "included-global"] {
            let prefix = "sieve_script/\(place)/"
            guard
                self.values.contains(where: {
                    $0.key.hasPrefix(prefix) && $0.key.hasSuffix("driver") && $0.value == "dict"
                })
            else { continue }
            self.scriptDictionaries[place] =
                self.values.first { $0.key.hasPrefix(prefix) && $0.key.hasSuffix("/path") }?.value
        }
    }

    // MARK: Values

    private static func number(_ text: String) -> (value: Int, unit: String) {
        let digits = text.utf8.prefix(while: ASCII.isDigit)
        let unit = String(decoding: text.utf8.dropFirst(digits.count), as: UTF8.self).lowercased()
        return (Int(String(decoding: digits, as: UTF8.self)) ?? 0, unit.filter { $0 != " " })
    }

    private static func size(_ text: String) -> Int {
        let (value, unit) = Self.number(text)
        let factor =
            switch unit.first {
            case "k": 1 << 10
            case "m": 1 << 20
            case "g": 1 << 30
            default: 1
            }
        return min(value, Int(Int32.max)) * factor
    }

    private static func seconds(_ text: String) -> Int64 {
        let (value, unit) = Self.number(text)
        let factor =
            switch unit.first {
            case "m": unit.hasPrefix("ms") ? 1 : 60
            case "h": 3600
            case "d": 86_400
            case "w": 604_800
            default: 1
            }
        return Int64(min(value, 100_000_000) * factor)
    }
}
