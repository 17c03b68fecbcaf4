internal import MailCore

/// The namespaces and their mailboxes.
extension Resolver {
    mutating func namespace(_ name: String, _ inner: [Statement], at place: SourcePlace) {
        let title = name.isEmpty ? "namespace" : "namespace \(name)"
        // A namespace may be in several files, its mailboxes in another one than its prefix.
        let known = name.isEmpty ? nil : self.settings.namespaces.firstIndex { $0.name == name }
        var namespace = known.map { self.settings.namespaces[$0] } ?? NamespaceSettings(name: name)
        let block = name.isEmpty ? "\(title)\n\(self.blockCount)" : title
        for statement in inner {
            switch statement.content {
            case .assignment(let value):
                if statement.name == "location", !value.text.isEmpty {
                    self.location(value, of: &namespace, at: statement.place, block: block)
                } else if statement.name == "mail_path", value.text.contains("%{owner_") {
                    self.out.warn(
                        statement.place, "mail_path: that of the owner is always taken in a shared namespace; remove it"
                    )
                } else if statement.name == "mail_index_private_path" {
                    self.noPrivateIndex(statement.name, remove: "it", at: statement.place)
                } else if statement.name == "mail_driver", SettingSyntax.lowercased(value.text) == "virtual" {
                    self.noVirtualMailboxes(in: &namespace, at: statement.place)
                } else if Self.isOnlyWay(statement.name, value.text)
                    || statement.name == "mail_driver" && value.text == self.settings.mail.driver.rawValue
                {
                    let setting =
                        value.text.isEmpty ? "an empty \(statement.name)" : "\(statement.name) = \(value.text)"
                    self.out.warn(statement.place, "\(setting) is how it always is; remove it")
                } else {
                    self.out.assign(
                        statement.name, value, at: statement.place, to: &namespace, rows: Schema.namespace,
                        block: block)
                }
            case .block(let mailboxName, let settings):
                guard statement.name == "mailbox" else {
                    self.out.unknown(
                        statement.name, at: statement.place, among: ["mailbox"], block: title, isBlock: .block
                    )
                    continue
                }
                self.mailbox(mailboxName, settings, in: &namespace, at: statement.place)
            }
        }
        if let known {
            self.settings.namespaces[known] = namespace
        } else {
            self.settings.namespaces.append(namespace)
            self.namespacePlaces.append(place)
        }
    }

    /// `location = maildir:/var/mail/public:LAYOUT=maildir++`, the older spelling of `mail_path`.
    private mutating func location(
        _ value: SettingValue, of namespace: inout NamespaceSettings, at place: SourcePlace, block: String
    ) {
        let driver = SettingSyntax.lowercased(value.text.prefix { $0 != ":" })
        if driver == "virtual" { return self.noVirtualMailboxes(in: &namespace, at: place) }
        guard let location = MailLocation(value.text), location.driver == "maildir" else {
            namespace.path = Self.refusedPath
            let hint = DovecotSettings.valueHints[driver].map { "\"\(driver)\": \($0)" }
            return self.out.error(
                place, "location: " + (hint ?? "write mail_path = /its/path; the format there is maildir"))
        }
        for option in location.unknown { self.unknownOption(option, of: "location", at: place) }
        // The owner of a shared mailbox was written with two percent signs; a shared namespace needs no path.
        if location.path.contains("%%") { return }
        for (name, text) in [
            ("mail_path", location.path), ("mailbox_list_layout", location.places.layout.rawValue),
            ("mail_control_path", location.places.controlPath), ("mail_index_path", location.places.indexPath),
        ] where !text.isEmpty {
            self.out.assign(
                name, SettingValue(text), at: place, to: &namespace, rows: Schema.namespace, block: block)
        }
    }

    /// In place of one that was refused: what follows from its absence is no mistake of its own.
    private static let refusedPath = "/"

    /// An option of a location that `MailLocation` does not know.
    mutating func unknownOption(_ option: String, of setting: String, at place: SourcePlace) {
        let name = SettingSyntax.lowercased(option.prefix { $0 != "=" })
        let convert =
            "have Dovecot convert it first (doveadm backup, or doveadm sync) to a Maildir in the layout maildir++"
        switch (name, SettingSyntax.lowercased(option)) {
        case ("indexpvt", _):
            self.noPrivateIndex("\(setting): \(option)", remove: ":\(option)", at: place)
        case (_, "layout=index"):
            self.out.error(
                place,
                "\(setting): with \(option) folders lie under other names, and would not be found; \(convert)")
        case ("mailboxdir", _), ("fulldirname", _):
            self.out.error(
                place,
                "\(setting): \(option) is not in this release, and folders would not be found without it; \(convert)")
        default:
            self.out.error(place, "\(setting): \(option) is not in this release; remove :\(option)")
        }
    }

    private mutating func noVirtualMailboxes(in namespace: inout NamespaceSettings, at place: SourcePlace) {
        namespace.path = Self.refusedPath
        self.out.error(
            place,
            "namespace \(namespace.name): virtual mailboxes are not in this release; remove this whole namespace { }")
    }

    /// What it is for is so without it.
    ///
    /// - Parameter part: what is to be removed.
    mutating func noPrivateIndex(_ text: String, remove part: String, at place: SourcePlace) {
        self.out.warn(
            place,
            "\(text): \\Seen is each user's own in shared and public namespaces anyway (private_flags); remove \(part)")
    }

    /// What other values would say is not there; so nothing is lost by not reading it.
    private static func isOnlyWay(_ name: String, _ text: String) -> Bool {
        switch (name, SettingSyntax.lowercased(text)) {
        case ("location", ""), ("disabled", "no"): true
        default: false
        }
    }

    private mutating func mailbox(
        _ name: String, _ inner: [Statement], in namespace: inout NamespaceSettings, at place: SourcePlace
    ) {
        var mailbox = namespace.mailboxes.first { $0.name == name } ?? MailboxSettings(name: name)
        for statement in inner {
            guard case .assignment(let value) = statement.content else {
                if case .block(let title, let settings) = statement.content,
                    statement.name == "sieve_script" || statement.name == "imapsieve_from"
                {
                    let first = self.settings.events.scripts.count
                    if statement.name == "sieve_script" {
                        self.eventScript(title, settings, at: statement.place, mailbox: name, source: nil)
                    } else {
                        self.eventSource(title, settings, at: statement.place, mailbox: name)
                    }
                    for index in first..<self.settings.events.scripts.count {
                        self.eventNamespaces[index] = namespace.name
                    }
                } else if statement.name == "special_use" || statement.name == "mailbox_special_use",
                    case .block(_, let words) = statement.content
                {
                    self.out.assignList(
                        Schema.mailbox[1], words, at: statement.place, to: &mailbox, block: "mailbox \(name)")
                } else {
                    self.out.unknown(
                        statement.name, at: statement.place, among: ["special_use", "sieve_script", "imapsieve_from"],
                        block: "mailbox \(name)",
                        isBlock: .block)
                }
                continue
            }
            self.out.assign(
                statement.name, value, at: statement.place, to: &mailbox, rows: Schema.mailbox,
                block: "mailbox \(namespace.name) \(name)")
        }
        let uses = [
            "\\All", "\\Archive", "\\Drafts", "\\Flagged", "\\Junk", "\\Sent", "\\Trash", "\\Important",
        ]
        mailbox.specialUse = mailbox.specialUse.map { use in
            uses.first { SettingSyntax.lowercased($0) == SettingSyntax.lowercased(use) } ?? use
        }
        for use in mailbox.specialUse where !uses.contains(use) {
            let near = Spelling.nearest(to: use, among: uses)
            self.out.error(
                place,
                "special_use: \(use) is unknown; "
                    + (near.map { "did you mean \($0)?" } ?? "known are \(uses.joined(separator: " "))"))
        }
        if let index = namespace.mailboxes.firstIndex(where: { $0.name == name }) {
            namespace.mailboxes[index] = mailbox
        } else {
            namespace.mailboxes.append(mailbox)
        }
    }

    /// Fills in and checks namespaces after everything was read.
    mutating func finishNamespaces(at place: SourcePlace) {
        if self.settings.namespaces.isEmpty {
            var inbox = NamespaceSettings(name: "inbox")
            inbox.holdsInbox = true
            self.settings.namespaces = [inbox]
        }
        self.checkPlaces(at: place)
        let inboxes = self.settings.namespaces.count { $0.holdsInbox }
        if inboxes != 1 {
            self.out.error(
                place,
                inboxes == 0
                    ? "no namespace has INBOX; write inbox = yes into one"
                    : "\(inboxes) namespaces have inbox = yes; leave it in one")
        }
        for index in self.settings.namespaces.indices {
            let place = index < self.namespacePlaces.count ? self.namespacePlaces[index] : place
            var namespace = self.settings.namespaces[index]
            if namespace.separator.isEmpty { namespace.separator = "." }
            let separator = namespace.separator
            for (old, new) in Self.ownerVariables {
                namespace.prefix = namespace.prefix.split(separator: old, omittingEmptySubsequences: false)
                    .joined(separator: new)
            }
            self.checkKind(of: namespace, at: place)
            self.settings.namespaces[index] = namespace
            guard separator.utf8.count == 1, let byte = separator.utf8.first, (0x21...0x7E).contains(byte),
                !ASCII.isLetter(byte), !ASCII.isDigit(byte), !"%*\"\\&".utf8.contains(byte)
            else {
                self.out.error(
                    place,
                    "namespace \(namespace.name): \"\(separator)\" cannot separate levels; write . or /")
                continue
            }
            if separator != self.settings.namespaces[0].separator {
                self.out.error(
                    place,
                    "namespace \(namespace.name): all namespaces need the same separator, \(self.settings.namespaces[0].separator) here"
                )
            }
            self.checkPrefix(of: namespace, at: place)
            var aliases: Set<String> = []
            for mailbox in namespace.mailboxes {
                if !namespace.holdsInbox { self.checkMailbox(mailbox, of: namespace, at: place) }
                for alias in mailbox.aliases
                where !aliases.insert(alias).inserted
                    || MailboxName(alias.split(separator: Character(separator)).joined(separator: "/")) == nil
                    || namespace.mailboxes.contains(where: { $0.name == alias })
                {
                    self.out.error(
                        place,
                        "namespace \(namespace.name): \"\(alias)\" cannot be another name of \(mailbox.name); write names into aliases that no other mailbox has"
                    )
                }
                let decoded = mailbox.name.split(
                    separator: Character(separator), omittingEmptySubsequences: false
                )
                .joined(separator: "/")
                if MailboxName(decoded) == nil || separator != "/" && mailbox.name.contains("/") {
                    self.out.error(
                        place, "namespace \(namespace.name): \"\(mailbox.name)\" is no name for a mailbox")
                }
            }
        }
    }

    private mutating func checkPrefix(of namespace: NamespaceSettings, at place: SourcePlace) {
        let (prefix, separator) = (namespace.prefix, namespace.separator)
        guard let last = prefix.last, !prefix.hasSuffix(separator) else { return }
        guard last == "." || last == "/" else {
            return self.out.error(
                place,
                "namespace \(namespace.name): the prefix \(prefix) must end in the separator; write \(prefix)\(separator)"
            )
        }
        self.out.error(
            place,
            "namespace \(namespace.name): the prefix \(prefix) ends in another separator; write separator = \(last), or prefix = \(prefix.dropLast())\(separator)"
        )
    }

    /// Mailboxes come into being, and have uses and other names, beside INBOX alone.
    private mutating func checkMailbox(
        _ mailbox: MailboxSettings, of namespace: NamespaceSettings, at place: SourcePlace
    ) {
        let settings = [
            ("auto", mailbox.autoCreation != .no), ("special_use", !mailbox.specialUse.isEmpty),
            ("aliases", !mailbox.aliases.isEmpty),
        ]
        for (name, isSet) in settings where isSet {
            self.out.error(
                place,
                "namespace \(namespace.name): \(name) of mailbox \(mailbox.name) works in the namespace with inbox = yes only; remove it"
            )
        }
    }

    /// Older and other spellings of the owner in the prefix of a shared namespace.
    private static let ownerVariables = [
        ("%%u", "$user"), ("%%n", "$username"), ("%%d", "$domain"), ("%{owner_user}", "$user"),
        ("%{owner_username}", "$username"), ("%{owner_domain}", "$domain"),
    ]

    /// What lies where it cannot.
    private mutating func checkPlaces(at place: SourcePlace) {
        let places = self.settings.mail.places
        if !places.directoryName.isEmpty, places.layout != .fs {
            self.out.error(place, "mailbox_directory_name: it is for mailbox_list_layout = fs; remove it")
        }
        for (name, text) in [
            ("mailbox_directory_name", places.directoryName),
            ("mailbox_subscriptions_filename", places.subscriptionsName),
        ] where text.contains("/") || text == "." || text == ".." || text.utf8.count > 255 {
            self.out.error(place, "\(name): \"\(text)\" is not the name of one file")
        }
    }

    private mutating func checkKind(of namespace: NamespaceSettings, at place: SourcePlace) {
        let title = "namespace \(namespace.name)"
        let hasOwner = ["$user", "$username", "$domain"].contains { namespace.prefix.contains($0) }
        switch namespace.type {
        case .private:
            if namespace.holdsInbox {
                if !namespace.path.isEmpty, namespace.path != Self.refusedPath {
                    self.out.error(place, "\(title): write mail_path outside of all blocks")
                }
            } else if self.settings.namespaces.contains(where: \.holdsInbox) {
                if namespace.prefix.isEmpty {
                    self.out.error(place, "\(title): a prefix must tell its mailboxes from those beside INBOX")
                }
                if namespace.path.isEmpty { self.out.error(place, "\(title): it needs a mail_path of its own") }
            }
        case .shared:
            if !hasOwner {
                self.out.error(place, "\(title): the prefix must name the owner; write shared/$user/")
            }
            if !namespace.path.isEmpty, namespace.path != Self.refusedPath {
                self.out.warn(place, "\(title): mail_path is always that of the owner here; remove it")
            }
            self.needsLists(title, at: place)
        case .public:
            if namespace.prefix.isEmpty || namespace.path.isEmpty {
                self.out.error(place, "\(title): write both prefix and mail_path")
            }
            self.needsLists(title, at: place)
        }
        if namespace.type != .shared, hasOwner {
            self.out.error(place, "\(title): only a shared namespace has owners; write type = shared")
        }
        if namespace.type != .private, namespace.holdsInbox {
            self.out.error(place, "\(title): INBOX is the user's own; write inbox = yes into a private one")
        }
    }

    /// Without lists nobody would see anything there.
    private mutating func needsLists(_ title: String, at place: SourcePlace) {
        guard self.settings.access.driver == .none else { return }
        self.out.error(place, "\(title): nothing is shared without access control lists; write acl_driver = vfile")
    }
}
