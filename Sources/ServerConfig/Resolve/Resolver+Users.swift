/// The blocks that say who there is: passdb, userdb.
extension Resolver {
    mutating func passdb(_ name: String, _ inner: [Statement], at place: SourcePlace) {
        var passdb = PassdbSettings(name: name)
        let title = name.isEmpty ? "passdb" : "passdb \(name)"
        guard self.driver(of: inner, name: name) != "oauth2" else {
            return self.out.error(
                place,
                "\(title): tokens need no passdb; remove all of it, and write auth_mechanisms = plain login oauthbearer xoauth2 and oauth2_key_file = /path of the issuer's key set (JSON)"
            )
        }
        if self.refusesDriver(of: inner, name: name, title, of: PassdbDriver.self, at: place) { return }
        let block = "\(title)\n\(self.blockCount)"
        var hasDriver = false
        if let driver = PassdbDriver(rawValue: name) {
            passdb.driver = driver
            hasDriver = true
        }
        for statement in inner {
            switch statement.content {
            case .assignment(let value):
                switch statement.name {
                case "args":
                    self.passdbArguments(value.text, of: &passdb, inner: inner, at: statement.place)
                case "default_fields", "override_fields":
                    passdb.fields += self.fieldWords(
                        value.text, of: .passdb, isDefault: statement.name == "default_fields", at: statement.place)
                case _ where Self.isPassdbRule(statement.name):
                    self.passdbRule(statement.name, value.text, of: title, at: statement.place)
                default:
                    if statement.name == "driver" { hasDriver = true }
                    self.out.assign(
                        statement.name, value, at: statement.place, to: &passdb, rows: Schema.passdb,
                        block: block)
                }
            case .block(_, let fields):
                if statement.name == "fields" {
                    passdb.fields += self.fields(fields, of: .passdb)
                } else if Self.isPassdbRule(statement.name) {
                    self.passdbRule(statement.name, "{ }", of: title, at: statement.place)
                } else {
                    self.out.unknown(
                        statement.name, at: statement.place, among: ["fields"], block: title, isBlock: .block)
                }
            }
        }
        if !hasDriver {
            self.out.error(place, "\(title) has no driver; " + Self.driverHelp(name, PassdbDriver.self))
        } else if passdb.driver == .passwdFile, passdb.passwdFilePath.isEmpty {
            self.out.error(place, "\(title) names no file; write passwd_file_path = /etc/martlet/users")
        } else if passdb.isDenyList, passdb.driver != .passwdFile {
            self.out.error(
                place,
                "\(title): deny = yes is for a passwd-file, which lists those who may not log in; remove this whole passdb { }: without deny = yes it could let them in"
            )
        } else if passdb.driver == .static, passdb.staticPassword.isEmpty,
            !passdb.fields.contains(where: { $0.name == "nopassword" })
        {
            self.out.error(place, "\(title) has no password; write password = SECRET")
        }
        passdb.defaultScheme = passdb.defaultScheme.uppercased()
        self.settings.passdbs.append(passdb)
        self.passdbPlaces.append(place)
    }

    mutating func userdb(_ name: String, _ inner: [Statement], at place: SourcePlace) {
        var userdb = UserdbSettings(name: name)
        let title = name.isEmpty ? "userdb" : "userdb \(name)"
        if self.refusesDriver(of: inner, name: name, title, of: UserdbDriver.self, at: place) { return }
        let block = "\(title)\n\(self.blockCount)"
        var hasDriver = false
        if let driver = UserdbDriver(rawValue: name) {
            userdb.driver = driver
            hasDriver = true
        }
        for statement in inner {
            switch statement.content {
            case .assignment(let value):
                switch statement.name {
                case "args":
                    self.userdbArguments(value.text, of: &userdb, inner: inner, at: statement.place)
                case "default_fields", "override_fields":
                    userdb.fields += self.fieldWords(
                        value.text, of: .userdb, isDefault: statement.name == "default_fields", at: statement.place)
                default:
                    if statement.name == "driver" { hasDriver = true }
                    self.out.assign(
                        statement.name, value, at: statement.place, to: &userdb, rows: Schema.userdb,
                        block: block)
                }
            case .block(_, let fields):
                if statement.name == "fields" {
                    userdb.fields += self.fields(fields, of: .userdb)
                } else {
                    self.out.unknown(
                        statement.name, at: statement.place, among: ["fields"], block: title, isBlock: .block)
                }
            }
        }
        if !hasDriver {
            self.out.error(place, "\(title) has no driver; " + Self.driverHelp(name, UserdbDriver.self))
        } else if userdb.driver == .passwdFile, userdb.passwdFilePath.isEmpty {
            self.out.error(place, "\(title) names no file; write passwd_file_path = /etc/martlet/users")
        }
        Self.takeExistence(of: &userdb)
        self.settings.userdbs.append(userdb)
        self.userdbPlaces.append(place)
    }

    /// `allow_all_users=yes` among the fields, as `args` have it, is no field.
    private static func takeExistence(of userdb: inout UserdbSettings) {
        guard userdb.driver == .static,
            let field = userdb.fields.last(where: { $0.name == "allow_all_users" })
        else { return }
        if case .value(true) = SettingSyntax.boolean(field.value) { userdb.allowsAllUsers = true }
        userdb.fields.removeAll { $0.name == "allow_all_users" }
    }

    /// Whether the driver is one that is not there, which is said once: what else stands in the block does not matter then.
    private mutating func refusesDriver<Driver: SettingChoice>(
        of inner: [Statement], name: String, _ title: String, of _: Driver.Type, at place: SourcePlace
    ) -> Bool {
        for statement in inner where ["driver", "passdb_driver", "userdb_driver"].contains(statement.name) {
            guard case .assignment(let value) = statement.content else { continue }
            let parsed: ParsedValue<Driver> = SettingSyntax.choice(value.text)
            guard case .wrong(let why) = parsed else { return false }
            let hint = Self.driverHint(value.text, Driver.self).map { "\"\(value.text)\": \($0)" }
            self.out.error(statement.place, "driver: \(hint ?? why)")
            return true
        }
        guard Driver(rawValue: name) == nil, Self.driverHint(name, Driver.self) != nil else { return false }
        self.out.error(place, "\(title) has no driver; " + Self.driverHelp(name, Driver.self))
        return true
    }

    private static func driverHelp<Driver: SettingChoice>(_ name: String, _: Driver.Type) -> String {
        let names = Driver.allCases.map(\.rawValue)
        if let hint = self.driverHint(name, Driver.self) { return "\(name) \(hint)" }
        if let near = Spelling.nearest(to: name, among: names) { return "did you mean \(near)?" }
        return "write driver = \(names.joined(separator: " or "))"
    }

    /// What to take in place of a driver of Dovecot's.
    private static func driverHint<Driver: SettingChoice>(_ name: String, _: Driver.Type) -> String? {
        let name = SettingSyntax.lowercased(name)
        guard Driver.self == UserdbDriver.self else { return DovecotSettings.passdbDriverHints[name] }
        return DovecotSettings.passdbDriverHints[name] == nil
            ? nil : "is not in this release; use passwd-file, passwd (the system's users) or static"
    }

    /// Whose answers a field is added to.
    private enum FieldKind { case passdb, userdb }

    /// `fields { uid = vmail }`
    private mutating func fields(_ statements: [Statement], of kind: FieldKind) -> [FieldSetting] {
        var fields: [FieldSetting] = []
        for statement in statements {
            guard case .assignment(let value) = statement.content else {
                self.out.error(statement.place, "a block inside of fields { }; write NAME = VALUE")
                continue
            }
            fields += self.field(statement.name, value.text, of: kind, at: statement.place)
        }
        return fields
    }

    private mutating func field(
        _ name: String, _ text: String, of kind: FieldKind, at place: SourcePlace
    ) -> [FieldSetting] {
        if kind == .passdb, ["proxy", "proxy_maybe"].contains(name.prefix { $0 != ":" }) {
            self.out.error(
                place,
                "\(name): proxying is not in this release; remove this whole passdb { }: with nopassword beside it everybody would get in here"
            )
            return []
        }
        switch Expansion.parse(text, letters: .lookup) {
        case .success(let expansion): return [FieldSetting(name: name, value: expansion.text)]
        case .failure(let problem):
            self.out.error(place, "\(name): \(problem.text)")
            return []
        }
    }

    /// `uid=vmail home=/var/vmail/%u` as one text; `isDefault` marks fields that yield.
    private mutating func fieldWords(
        _ text: String, of kind: FieldKind, isDefault: Bool, at place: SourcePlace
    ) -> [FieldSetting] {
        var fields: [FieldSetting] = []
        for word in text.split(separator: " ") {
            let pieces = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(pieces[0]) + (isDefault ? ":default" : "")
            fields += self.field(name, pieces.count > 1 ? String(pieces[1]) : "yes", of: kind, at: place)
        }
        return fields
    }

    /// The driver that a block of the older spelling names, wherever it stands in it.
    private func driver(of inner: [Statement], name: String) -> String {
        for statement in inner where statement.name == "driver" {
            if case .assignment(let value) = statement.content { return value.text }
        }
        return name
    }

    /// `args = scheme=CRYPT username_format=%u /etc/dovecot/users`
    private mutating func passdbArguments(
        _ text: String, of passdb: inout PassdbSettings, inner: [Statement], at place: SourcePlace
    ) {
        let driver = self.driver(of: inner, name: passdb.name)
        for word in text.split(separator: " ") {
            let pieces = word.split(separator: "=", maxSplits: 1).map(String.init)
            let value = pieces.count == 2 ? pieces[1] : ""
            switch (driver, pieces[0]) {
            case ("passwd-file", "scheme"): passdb.defaultScheme = value
            case ("passwd-file", "username_format"):
                passdb.usernameFormat = self.checkedTemplate(value, at: place)
            case ("passwd-file", _) where pieces.count == 1:
                passdb.passwdFilePath = self.checkedTemplate(String(word), at: place)
            case ("static", "password"): passdb.staticPassword = self.checkedTemplate(value, at: place)
            case ("static", _):
                passdb.fields += self.fieldWords(String(word), of: .passdb, isDefault: false, at: place)
            // How PAM is asked is not for the configuration: each lookup is a session of its own.
            case ("pam", "session"), ("pam", "setcred"), ("pam", "failure_show_msg"), ("pam", "max_requests"),
                ("pam", "cache_key"):
                self.out.warn(place, "args: \(pieces[0]) means nothing here; remove it")
            case ("pam", _) where pieces.count == 1: passdb.pamServiceName = String(word)
            default: self.out.error(place, "args: \(word) means nothing for the driver \(driver); remove it")
            }
        }
    }

    private mutating func userdbArguments(
        _ text: String, of userdb: inout UserdbSettings, inner: [Statement], at place: SourcePlace
    ) {
        let driver = self.driver(of: inner, name: userdb.name)
        for word in text.split(separator: " ") {
            let pieces = word.split(separator: "=", maxSplits: 1).map(String.init)
            switch (driver, pieces[0]) {
            case (_, "blocking"): self.out.warn(place, "args: blocking means nothing here; remove it")
            case ("passwd-file", "username_format"):
                userdb.usernameFormat = self.checkedTemplate(pieces.count == 2 ? pieces[1] : "", at: place)
            case ("passwd-file", _) where pieces.count == 1:
                userdb.passwdFilePath = self.checkedTemplate(String(word), at: place)
            case ("static", _):
                userdb.fields += self.fieldWords(String(word), of: .userdb, isDefault: false, at: place)
            default: self.out.error(place, "args: \(word) means nothing for the driver \(driver); remove it")
            }
        }
    }

    private mutating func checkedTemplate(_ text: String, at place: SourcePlace) -> String {
        switch Expansion.parse(text, letters: .lookup) {
        case .success(let expansion): return expansion.text
        case .failure(let problem):
            self.out.error(place, problem.text)
            return text
        }
    }
}
