import MailCore

/// The settings of the engine as test scripts name them.
struct TestSettings {
    private(set) var limits = SieveLimits()
    private(set) var policy = SievePolicy()
    /// Paths of key-value files, by the names of lists.
    private(set) var lists: [String: String] = [:]
    /// Paths of key-value files with scripts, by `included` and `included-global`.
    private(set) var scriptDictionaries: [String: String] = [:]
    /// Folders of scripts that others include, by the same names.
    private(set) var scriptFolders: [String: String] = [:]
    /// Where programs lie.
    private(set) var programs: [SieveProgramCall.Kind: SieveTestPrograms] = [:]
    /// What tested scripts must not require.
    private(set) var deniedExtensions: Set<String> = []
    private var values: [String: String] = [:]

    static let extensions: Set<String> = Set(SieveExtension.everything.map(\.capability))

    init() { _ = self.reload() }

    mutating func set(_ name: String, _ value: String?) { self.values[name] = value }

    /// Takes over what was set; answers the first name that there is not.
    mutating func reload() -> String? {
        var limits = SieveLimits()
        var policy = SievePolicy()
        policy.postmasterAddress = "postmaster@example.com"
        policy.username = "tester"
        policy.hostname = "mail.example.org"
        policy.version = "test"
        self.lists = [:]
        self.scriptDictionaries = [:]
        self.scriptFolders = [:]
        self.programs = [:]
        for (name, value) in self.values.sorted(by: { $0.key < $1.key }) {
            guard self.apply(name, value, &limits, &policy) else { return name }
        }
        self.limits = limits
        self.policy = policy
        self.applyNested()
        return nil
    }

    /// Takes one setting over, `false` when there is none of that name.
    private mutating func apply(
        _ name: String, _ value: String, _ limits: inout SieveLimits, _ policy: inout SievePolicy
    ) -> Bool {
        switch name {
        case "sieve_max_cpu_time": limits.cpuTime = Self.seconds(value, 30)
        case "sieve_max_actions": limits.actions = Self.size(value, limits.actions)
        case "sieve_max_redirects": limits.redirects = Self.size(value, limits.redirects)
        case "sieve_max_script_size": limits.scriptSize = Self.size(value, limits.scriptSize)
        case "sieve_user_email":
            let trimmed = value.utf8.filter { $0 != UInt8(ascii: "<") && $0 != UInt8(ascii: ">") && $0 != 0x20 }
            policy.userEmail = trimmed.isEmpty ? nil : String(decoding: trimmed, as: UTF8.self)
        case "postmaster_address":
            policy.postmasterAddress = OutboundAddress.parse(Array(value.utf8)) ?? policy.postmasterAddress
        case "sieve_redirect_envelope_from":
            policy.redirectSender = SievePolicy.AddressSource(value) ?? .sender
        case "recipient_delimiter", "sieve_subaddress_sep": policy.recipientDelimiter = value
        case "sieve_variables_max_value_size", "sieve_variables_max_variable_size":
            limits.variableSize = Self.size(value, limits.variableSize)
        case "sieve_variables_max_scope_count", "sieve_variables_max_scope_size":
            limits.variables = Self.size(value, limits.variables)
        case "sieve_include_max_nesting_depth": limits.includeNesting = Self.size(value, limits.includeNesting)
        case "sieve_include_max_includes": limits.includes = Self.size(value, limits.includes)
        case "sieve_editheader_max_header_size": limits.addedField = max(1024, Self.size(value, limits.addedField))
        case "sieve_editheader_forbid_add": policy.editHeader.forbiddenToAdd.formUnion(Self.names(value))
        case "sieve_editheader_forbid_delete": policy.editHeader.forbiddenToDelete.formUnion(Self.names(value))
        case "sieve_editheader_protected":
            policy.editHeader.forbiddenToAdd.formUnion(Self.names(value))
            policy.editHeader.forbiddenToDelete.formUnion(Self.names(value))
        case "sieve_notify_max_notifications":
            policy.maximumNotifications = Self.size(value, policy.maximumNotifications)
        case "sieve_notify_mailto_envelope_from": policy.notifySender = SievePolicy.AddressSource(value)
        case "sieve_duplicate_default_period":
            policy.duplicatePeriod = Self.seconds(value, policy.duplicatePeriod)
        case "sieve_duplicate_max_period":
            policy.maximumDuplicatePeriod = Self.seconds(value, policy.maximumDuplicatePeriod)
        case "sieve_extlists_list", "sieve_extensions", "sieve_global_extensions", "sieve_implicit_extensions",
            "sieve_editheader_header", "sieve_script", "sieve_plugins", "sieve_dir", "sieve_global",
            "sieve_global_dir":
            break
        default:
            if name.hasPrefix("sieve_vacation_") {
                return Self.vacation(String(name.dropFirst(15)), value, &policy.vacation)
            }
            if name.hasPrefix("sieve_spamtest_") {
                return Self.status(String(name.dropFirst(15)), value, &policy.spamTest)
            }
            if name.hasPrefix("sieve_virustest_") {
                return Self.status(String(name.dropFirst(16)), value, &policy.virusTest)
            }
            for kind in [SieveProgramCall.Kind.pipe, .filter, .execute]
            where name.hasPrefix("sieve_\(kind.rawValue)_") {
                return self.program(String(name.dropFirst(7 + kind.rawValue.utf8.count)), value, kind)
            }
            if name.hasPrefix("sieve_env_") {
                policy.siteItems[String(name.dropFirst(10)).lowercased()] = value
                return true
            }
            return ["sieve_script/", "sieve_editheader_header/", "sieve_extlists_list/", "sieve_extensions/"].contains {
                name.hasPrefix($0)
            }
        }
        return true
    }

    private static func vacation(_ name: String, _ value: String, _ vacation: inout SievePolicy.Vacation) -> Bool {
        switch name {
        case "min_period": vacation.minimumPeriod = self.seconds(value, vacation.minimumPeriod)
        case "max_period": vacation.maximumPeriod = self.seconds(value, vacation.maximumPeriod)
        case "default_period": vacation.defaultPeriod = self.seconds(value, vacation.defaultPeriod)
        case "default_subject": vacation.defaultSubject = value.isEmpty ? nil : value
        case "default_subject_template": vacation.subjectTemplate = value.isEmpty ? nil : value
        case "max_subject_codepoints": vacation.maximumSubject = max(1, self.size(value, vacation.maximumSubject))
        case "use_original_recipient": vacation.usesOriginalRecipient = self.isYes(value, false)
        case "check_recipient": vacation.checksRecipient = self.isYes(value, true)
        case "dont_check_recipient": vacation.checksRecipient = !self.isYes(value, false)
        case "send_from_recipient": vacation.sendsFromRecipient = self.isYes(value, false)
        case "to_header_ignore_envelope": vacation.repliesToHeader = self.isYes(value, false)
        default: return false
        }
        return true
    }

    private static func status(_ name: String, _ value: String, _ test: inout SievePolicy.StatusTest) -> Bool {
        switch name {
        case "status_type": test.kind = SievePolicy.StatusTest.Kind(rawValue: value)
        case "status_header": test.statusHeader = value
        case "score_max_value", "max_value": test.maximum = value
        case "score_max_header", "max_header": test.maximumHeader = value
        default:
            // 2.4 writes `text_value/3`, 2.3 `text_value3`.
            guard name.hasPrefix("text_value") else { return false }
            guard let number = Int(name.dropFirst(10).drop { $0 == "/" }) else { return false }
            test.texts[number] = value.isEmpty ? nil : value
        }
        return true
    }

    private mutating func program(_ name: String, _ value: String, _ kind: SieveProgramCall.Kind) -> Bool {
        var place = self.programs[kind] ?? SieveTestPrograms()
        switch name {
        case "bin_dir": place.directory = value
        case "exec_timeout": place.seconds = Self.seconds(value, 10)
        case "input_eol": place.linesEndInLF = value == "lf"
        case "socket_dir": break
        default: return false
        }
        self.programs[kind] = place
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
            if Self.isYes(self.values[prefix + "forbid_add"] ?? "", false) {
                self.policy.editHeader.forbiddenToAdd.insert(name)
            }
            if Self.isYes(self.values[prefix + "forbid_delete"] ?? "", false) {
                self.policy.editHeader.forbiddenToDelete.insert(name)
            }
        }
        for entry in entries("sieve_extlists_list") {
            let prefix = "sieve_extlists_list/\(entry)/"
            let name = self.values[prefix + "name"] ?? entry
            // A list without a file has no members that are known.
            self.lists[name] = self.values.first { $0.key.hasPrefix(prefix) && $0.key.hasSuffix("/path") }?.value ?? ""
        }
        if let folder = self.values["sieve_dir"], !folder.isEmpty { self.scriptFolders["included"] = folder }
        for name in ["sieve_global_dir", "sieve_global"] {
            if let folder = self.values[name], !folder.isEmpty { self.scriptFolders["included-global"] = folder }
        }
        for place in ["included", "included-global"] {
            let prefix = "sieve_script/\(place)/"
            let own = self.values.filter { $0.key.hasPrefix(prefix) }
            guard own.contains(where: { $0.key.hasSuffix("driver") && $0.value == "dict" }) else {
                if let folder = own[prefix + "sieve_script_path"] ?? own[prefix + "path"], !folder.isEmpty {
                    self.scriptFolders[place] = folder
                }
                continue
            }
            self.scriptDictionaries[place] = own.first { $0.key.hasSuffix("/file/path") }?.value
        }
        self.applyExtensions()
    }

    /// `a b`, or `+a -b` as a change of all that there are, or each with yes or no.
    private mutating func applyExtensions() {
        var known = Self.extensions
        let words = (self.values["sieve_extensions"] ?? "").split { $0 == " " || $0 == "," }
        if !words.isEmpty, !words.contains(where: { $0.hasPrefix("+") || $0.hasPrefix("-") }) {
            known = Set(words.map(String.init))
        } else {
            known.subtract(words.filter { $0.hasPrefix("-") }.map { String($0.dropFirst()) })
        }
        for (name, value) in self.values where name.hasPrefix("sieve_extensions/") {
            if !Self.isYes(value, true) { known.remove(String(name.dropFirst(17))) }
        }
        self.deniedExtensions = Self.extensions.subtracting(known)
    }

    // MARK: Values

    private static func number(_ text: String) -> (value: Int, unit: String) {
        let digits = text.utf8.prefix(while: ASCII.isDigit)
        let unit = String(decoding: text.utf8.dropFirst(digits.count), as: UTF8.self).lowercased()
        return (Int(String(decoding: digits, as: UTF8.self)) ?? 0, unit.filter { $0 != " " })
    }

    /// - Parameter standard: where the value says nothing.
    private static func size(_ text: String, _ standard: Int) -> Int {
        if self.isUnlimited(text) { return 0 }
        let (value, unit) = Self.number(text)
        guard !text.isEmpty else { return standard }
        let factor =
            switch unit.first {
            case "k": 1 << 10
            case "m": 1 << 20
            case "g": 1 << 30
            default: 1
            }
        return min(value, Int(Int32.max)) * factor
    }

    private static func seconds(_ text: String, _ standard: Int64) -> Int64 {
        if self.isUnlimited(text) { return 0 }
        let (value, unit) = Self.number(text)
        guard !text.isEmpty else { return standard }
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

    private static func isUnlimited(_ text: String) -> Bool { text == "unlimited" || text == "infinite" }

    private static func isYes(_ text: String, _ standard: Bool) -> Bool {
        switch text.lowercased() {
        case "": standard
        case "yes", "y", "true", "1": true
        default: false
        }
    }

    /// Header names, separated by blanks or commas.
    private static func names(_ text: String) -> [String] {
        text.lowercased().split { $0 == " " || $0 == "," }.map(String.init)
    }
}
