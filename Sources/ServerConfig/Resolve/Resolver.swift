package import MailCore
/// Statements to settings.
package struct Resolver {
    package var out: Assigner
    package var settings = Settings()
    package var overlays: [Overlay] = []
    var listeners = ListenerTable()
    /// Blocks without a name would otherwise count as the same one.
    var blockCount = 0
    /// Where each of the further volumes begins.
    var volumePlaces: [SourcePlace] = []
    /// Where each of the passdbs and userdbs begins.
    var passdbPlaces: [SourcePlace] = []
    var userdbPlaces: [SourcePlace] = []
    /// Where each of the namespaces begins.
    var namespacePlaces: [SourcePlace] = []
    /// In which namespace the mailboxes of scripts for events are, by the scripts' numbers.
    var eventNamespaces: [Int: String] = [:]
    /// Scripts for events in the older spelling, by the words in their settings' names, in the order of the files.
    var eventMailboxes: [(key: String, values: [String: (text: String, place: SourcePlace)])] = []
    /// `sieve_default_name`, put in place at the end.
    var defaultScriptName = ""
    /// Rules of the older spelling, put in place at the end.
    var quotaRules: [QuotaRuleText] = []

    package init(files: ConfigurationFiles) { self.out = Assigner(files: files) }

    /// Reads all statements and checks what belongs together; mistakes are in `out`.
    ///
    /// - Parameter hadErrors: whether some lines never became statements.
    package mutating func resolve(_ statements: [Statement], path: String, hadErrors: Bool) {
        var later: [(Statement, String, [Statement])] = []
        for statement in statements {
            switch statement.content {
            case .assignment(let value): self.assign(statement.name, value, at: statement.place)
            case .block(let name, let inner):
                switch statement.name {
                // These stand on top of everything else, wherever they are in the files.
                case "protocol", "remote": later.append((statement, name, inner))
                default: self.block(statement, name: name, inner)
                }
            }
        }
        let whole = SourcePlace(file: path, line: 0)
        for (statement, name, inner) in later {
            self.overlay(statement, name: name, inner, over: Overlay())
        }
        self.finish(at: whole, hadErrors: hadErrors)
    }

    /// A setting of the top level.
    private mutating func assign(_ name: String, _ value: SettingValue, at place: SourcePlace) {
        switch name {
        case "dovecot_config_version", "dovecot_storage_version":
            self.out.warn(place, "\(name) means nothing here; remove it")
        case "mail_location":
            self.mailLocation(value, at: place)
        case _ where Self.isPluginSieve(name):
            self.pluginSieve(name, value, at: place)
        case _ where Self.isOpenSieve(name):
            self.openSieve(name, value, at: place)
        case _ where Self.isPluginQuota(name):
            self.pluginQuota(name, value, at: place)
        case _ where Self.isPluginEvent(name):
            self.pluginEvent(name, value, at: place)
        case "acl":
            // `vfile`, maybe with `:/global/file:cache_secs=30`.
            if let file = value.text.split(separator: ":").dropFirst().first, file.hasPrefix("/") {
                self.out.assign(
                    "acl_global_path", SettingValue(String(file)), at: place, to: &self.settings, rows: Schema.all)
            }
            let driver = value.text.prefix { $0 != ":" }
            self.out.assign(
                "acl_driver", SettingValue(String(driver)), at: place, to: &self.settings, rows: Schema.all)
        case "acl_anyone":
            let allows = ["allow", "authenticated"].contains(SettingSyntax.lowercased(value.text))
            self.out.assign(
                "imap_acl_allow_anyone", SettingValue(allows ? "yes" : "no"), at: place, to: &self.settings,
                rows: Schema.all)
        default:
            self.out.assign(name, value, at: place, to: &self.settings, rows: Schema.all)
        }
    }

    private mutating func block(_ statement: Statement, name: String, _ inner: [Statement]) {
        let place = statement.place
        self.blockCount += 1
        switch statement.name {
        case "service": self.service(name, inner, at: place)
        case "namespace": self.namespace(name, inner, at: place)
        case "passdb": self.passdb(name, inner, at: place)
        case "userdb": self.userdb(name, inner, at: place)
        case "sieve_script": self.sieveScript(name, inner, at: place)
        case "imapsieve_from": self.eventSource(name, inner, at: place, mailbox: "*")
        case let kind where Self.isSieveBlock(kind): self.sieveBlock(kind, name, inner, at: place)
        case "quota": self.quota(name, inner, at: place)
        case "quota_warning": self.quotaWarning(name, inner, at: place)
        case "local_name": self.localName(name, inner, at: place)
        case "volume": self.volume(name, inner, at: place)
        case "oauth2": self.tokens(inner, at: place)
        case "plugin": self.plugin(inner)
        default:
            if let (row, _) = Assigner.find(statement.name, in: Schema.all), row.isList, name.isEmpty {
                self.out.assignList(row, inner, at: place, to: &self.settings)
            } else if Assigner.find(statement.name, in: Schema.all) != nil {
                self.out.error(place, "\(statement.name) is not a block; write \(statement.name) = value")
            } else {
                self.out.unknown(statement.name, at: place, among: Schema.blockKinds, isBlock: .block)
            }
        }
    }

    /// Settings of `plugin { }`, where older configurations keep Sieve's.
    private mutating func plugin(_ inner: [Statement]) {
        for statement in inner {
            guard case .assignment(let value) = statement.content else {
                self.out.error(statement.place, "a block inside of plugin { }; write it outside")
                continue
            }
            self.assign(statement.name, value, at: statement.place)
        }
    }

    /// `maildir:~/Maildir:LAYOUT=fs`
    private mutating func mailLocation(_ value: SettingValue, at place: SourcePlace) {
        guard let location = MailLocation(value.text) else {
            self.out.error(place, "mail_location: write mail_driver = maildir and mail_path = ~/Maildir")
            return
        }
        let places = location.places
        var assign = [
            ("mail_driver", location.driver), ("mail_path", location.path),
            ("mailbox_list_layout", places.layout.rawValue), ("mail_inbox_path", places.inboxPath),
            ("mail_control_path", places.controlPath), ("mail_index_path", places.indexPath),
            ("mailbox_directory_name", places.directoryName),
            ("mailbox_subscriptions_filename", places.subscriptionsName),
        ]
        if location.namesInUTF8 { assign.append(("mailbox_list_utf8", "yes")) }
        for (index, (name, text)) in assign.enumerated() where index < 2 || !text.isEmpty {
            self.out.assign(name, SettingValue(text), at: place, to: &self.settings, rows: Schema.all)
        }
        for option in location.unknown { self.unknownOption(option, of: "mail_location", at: place) }
    }

    // MARK: Settings for some connections

    /// `protocol NAME { }` and `remote NET { }`, one inside of the other or alone.
    private mutating func overlay(
        _ statement: Statement, name: String, _ inner: [Statement], over outer: Overlay
    ) {
        let place = statement.place
        var overlay = outer
        overlay.values = []
        if statement.name == "protocol" {
            guard outer.mailProtocol == nil else {
                return self.out.error(place, "a protocol inside of a protocol; end the outer one before")
            }
            guard let mailProtocol = MailProtocol(rawValue: name) else {
                let known = MailProtocol.allCases.map(\.rawValue)
                let hint =
                    name == "lda"
                    ? "deliver over LMTP, whose settings are in protocol lmtp { }"
                    : DovecotSettings.valueHints[name]
                        ?? Spelling.nearest(to: name, among: known).map { "did you mean \($0)?" }
                        ?? "known are \(known.joined(separator: ", "))"
                return self.out.error(place, "protocol \(name) is unknown; \(hint)")
            }
            overlay.mailProtocol = mailProtocol
        } else {
            guard outer.remote == nil, let network = IPNetwork(name) else {
                return self.out.error(
                    place,
                    "remote \(name): write an address or a network such as 192.0.2.0/24, one and not nested")
            }
            overlay.remote = network
            overlay.remoteText = name
        }
        var nested: [(Statement, String, [Statement])] = []
        var scratch = self.settings
        let title = overlay.title
        for statement in inner {
            switch statement.content {
            case .block(let name, let inner):
                switch statement.name {
                case "protocol", "remote": nested.append((statement, name, inner))
                case "plugin": self.plugin(inner)
                case "service", "namespace", "passdb", "userdb", "sieve_script", "local_name", "quota", "quota_warning",
                    "volume":
                    self.out.error(
                        statement.place, "\(statement.name) { } cannot stand in \(title); write it outside")
                default:
                    self.out.unknown(
                        statement.name, at: statement.place, among: Schema.blockKinds, block: title,
                        isBlock: .block)
                }
            case .assignment(let value):
                if Self.isPluginSieve(statement.name) {
                    self.pluginSieve(statement.name, value, at: statement.place)
                    continue
                }
                if Self.isPluginQuota(statement.name) {
                    self.pluginQuota(statement.name, value, at: statement.place)
                    continue
                }
                if Self.isPluginEvent(statement.name) {
                    self.pluginEvent(statement.name, value, at: statement.place)
                    continue
                }
                let errors = self.out.errorCount
                guard
                    let row = self.out.assign(
                        statement.name, value, at: statement.place, to: &scratch, rows: Schema.all,
                        block: title),
                    self.out.errorCount == errors
                else { continue }
                let allowed =
                    (overlay.remote == nil || row.scopes.contains(.remote))
                    && (overlay.mailProtocol.map { Schema.belongs(row, in: $0) } ?? true)
                guard allowed else {
                    self.out.error(
                        statement.place,
                        "\(row.name) cannot differ in \(title); write it outside of all blocks")
                    continue
                }
                overlay.values.append((row.name, SettingValue(row.text(scratch))))
            }
        }
        if !overlay.values.isEmpty { self.overlays.append(overlay) }
        for (statement, name, inner) in nested {
            self.overlay(statement, name: name, inner, over: overlay)
        }
    }
}

/// What differs for the connections of one protocol or from one network.
package struct Overlay: Sendable {
    package var mailProtocol: MailProtocol?
    package var remote: IPNetwork?
    package var remoteText = ""
    /// Names and values in the order of the files.
    package var values: [(name: String, value: SettingValue)] = []

    /// The block's head, as in `protocol imap`.
    package var title: String {
        let remote = self.remote.map { _ in ["remote \(self.remoteText)"] } ?? []
        return (remote + (self.mailProtocol.map { ["protocol \($0.rawValue)"] } ?? [])).joined(separator: " ")
    }

    /// What applies later has the higher number.
    package var rank: Int {
        (self.mailProtocol == nil ? 0 : 1000) + (self.remote.map { $0.prefixLength + 1 } ?? 0)
    }
}
