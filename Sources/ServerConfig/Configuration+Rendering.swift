extension Configuration {
    /// The settings in the syntax of the files, one after the other, as `martlet config` shows them.
    ///
    /// Loading the text again gives the same settings. Passwords of `static` passdbs are not shown.
    ///
    /// - Parameter nonDefaultsOnly: leaves out of the top level what is as it would be without any file.
    public func rendered(nonDefaultsOnly: Bool) -> String {
        var out = Renderer()
        let defaults = Settings()
        for row in Schema.all {
            let text = row.text(self.settings)
            guard !nonDefaultsOnly || text != row.text(defaults) else { continue }
            out.line(row.name, text)
        }
        for namespace in self.settings.namespaces { Self.render(namespace, into: &out) }
        for passdb in self.settings.passdbs {
            out.block("passdb", passdb.name) { out in
                Self.render(Schema.passdb, passdb, PassdbSettings(name: ""), always: ["driver"], into: &out)
                Self.render(passdb.fields, into: &out)
            }
        }
        for userdb in self.settings.userdbs {
            out.block("userdb", userdb.name) { out in
                Self.render(Schema.userdb, userdb, UserdbSettings(name: ""), always: ["driver"], into: &out)
                Self.render(userdb.fields, into: &out)
            }
        }
        for volume in self.settings.mail.volumes {
            out.block("volume", volume.name) { out in
                Self.render(Schema.volume, volume, VolumeSettings(name: ""), always: ["path"], into: &out)
            }
        }
        for local in self.settings.tls.localNames {
            out.block("local_name", local.names.joined(separator: " "), isQuoted: false) { out in
                Self.render(Schema.localName, local, LocalNameSettings(names: []), into: &out)
            }
        }
        for script in self.settings.sieve.scripts {
            out.block("sieve_script", script.name) { out in
                Self.render(
                    Schema.sieveScript, script, SieveScriptSettings(name: ""), always: ["type", "path"],
                    into: &out)
            }
        }
        for script in self.settings.events.scripts { Self.render(script, into: &out) }
        for list in self.settings.sieve.language.lists {
            out.block("sieve_extlists_list", list.name) { out in
                Self.render(
                    Schema.sieveList, list, SieveListSettings(name: list.name), always: ["path"], into: &out)
            }
        }
        for item in self.settings.sieve.language.items { out.line("sieve_env_" + item.name, item.value) }
        for warning in self.settings.quota.warnings {
            out.block("quota_warning", warning.name) { out in
                Self.render(
                    Schema.quotaWarning, warning, QuotaWarningSettings(name: ""),
                    always: ["quota_storage_percentage"], into: &out)
            }
        }
        self.renderServices(into: &out)
        for overlay in self.overlays { Self.render(overlay, into: &out) }
        return out.text
    }

    private static func render(_ script: EventScriptSettings, into out: inout Renderer) {
        out.block("sieve_script", script.name) { out in
            self.render(
                Schema.eventScript, script, EventScriptSettings(name: ""),
                always: ["type", "cause", "path", "mailbox"], into: &out)
        }
    }

    private static func render(_ namespace: NamespaceSettings, into out: inout Renderer) {
        out.block("namespace", namespace.name) { out in
            self.render(Schema.namespace, namespace, NamespaceSettings(name: ""), into: &out)
            for mailbox in namespace.mailboxes {
                out.block("mailbox", mailbox.name) { out in
                    self.render(Schema.mailbox, mailbox, MailboxSettings(name: ""), into: &out)
                }
            }
        }
    }

    private static func render<Root>(
        _ rows: [Setting<Root>], _ value: Root, _ defaults: Root, always: [String] = [],
        into out: inout Renderer
    ) {
        for row in rows {
            let text = row.text(value)
            guard always.contains(row.name) || text != row.text(defaults) else { continue }
            out.line(row.name, row.name == "static_password" ? "hidden" : text)
        }
    }

    private static func render(_ fields: [FieldSetting], into out: inout Renderer) {
        guard !fields.isEmpty else { return }
        out.block("fields", "") { out in
            for field in fields { out.line(field.name, field.value) }
        }
    }

    private func renderServices(into out: inout Renderer) {
        for service in ListeningService.allCases {
            let listeners = self.settings.listeners.filter { $0.service == service }
            let limit = MailProtocol(rawValue: service.rawValue)
                .flatMap { self.settings.limits.serviceClientLimits[$0] }
            guard !listeners.isEmpty || limit != nil else { continue }
            out.block("service", service.rawValue) { out in
                if let limit { out.line("client_limit", String(limit)) }
                for listener in listeners {
                    switch listener.place {
                    case .inet(let place):
                        out.block("inet_listener", listener.name) { out in
                            Self.render(Schema.inetListener, place, InetPlace(), into: &out)
                        }
                    case .unix(let place):
                        let isBelowBase =
                            place.path == self.settings.general.baseDirectory + "/" + listener.name
                        out.block("unix_listener", isBelowBase ? listener.name : place.path) { out in
                            Self.render(Schema.unixListener, place, UnixPlace(), always: ["mode"], into: &out)
                        }
                    }
                }
                // A built-in listener that is switched off stays off when the text is read again.
                if MailProtocol(rawValue: service.rawValue) != nil {
                    self.renderAbsent(service, listeners, into: &out)
                }
            }
        }
    }

    private func renderAbsent(
        _ service: ListeningService, _ listeners: [ListenerSettings], into out: inout Renderer
    ) {
        let builtIn = ListenerTable()
        for inet in builtIn.inet where inet.service == service {
            if !listeners.contains(where: { $0.name == inet.name }),
                !inet.place.isTLS || self.settings.tls.mode != .no
            {
                out.block("inet_listener", inet.name) { $0.line("port", "0") }
            }
        }
        for unix in builtIn.unix where unix.service == service {
            let path = self.settings.general.baseDirectory + "/" + unix.name
            let listens = listeners.contains { listener in
                guard case .unix(let place) = listener.place else { return false }
                return listener.name == unix.name && place.path == path
            }
            if !listens { out.block("unix_listener", unix.name) { $0.line("mode", "0") } }
        }
    }

    private static func render(_ overlay: Overlay, into out: inout Renderer) {
        func values(_ out: inout Renderer) {
            for (name, value) in overlay.values { out.line(name, value.text) }
        }
        switch (overlay.remote, overlay.mailProtocol) {
        case (.some, let mailProtocol?):
            out.block("remote", overlay.remoteText) { $0.block("protocol", mailProtocol.rawValue, values) }
        case (.some, nil): out.block("remote", overlay.remoteText, values)
        case (nil, let mailProtocol?): out.block("protocol", mailProtocol.rawValue, values)
        case (nil, nil): break
        }
    }
}

/// Writes lines and blocks.
private struct Renderer {
    var text = ""
    private var depth = 0

    mutating func line(_ name: String, _ value: String) {
        self.text += String(repeating: "  ", count: self.depth) + "\(name) = \(Self.quoted(value))\n"
    }

    mutating func block(
        _ kind: String, _ name: String, isQuoted: Bool = true, _ body: (inout Renderer) -> Void
    ) {
        let shown = isQuoted ? Self.quotedName(name) : name
        self.text +=
            String(repeating: "  ", count: self.depth) + kind + (shown.isEmpty ? "" : " " + shown) + " {\n"
        self.depth += 1
        body(&self)
        self.depth -= 1
        self.text += String(repeating: "  ", count: self.depth) + "}\n"
    }

    /// Quotes where the bare text would be read as something else.
    private static func quoted(_ text: String) -> String {
        let needsQuotes =
            text.hasPrefix(" ") || text.hasSuffix(" ") || text.hasPrefix("\"") || text.hasPrefix("'")
            || text.hasPrefix("<") || text.hasSuffix("\\") || text.contains("#") || text.contains("$")
        guard needsQuotes else { return text }
        // Single quotes keep $NAME as it is.
        let quote: Character = text.contains("'") ? "\"" : "'"
        return String(quote) + self.escaped(text, quote) + String(quote)
    }

    private static func quotedName(_ text: String) -> String {
        guard text.contains(where: { " \t{}\"'#=".contains($0) }) else { return text }
        return "\"" + self.escaped(text, "\"") + "\""
    }

    private static func escaped(_ text: String, _ quote: Character) -> String {
        var out = ""
        for character in text {
            if character == quote || character == "\\" { out.append("\\") }
            out.append(character)
        }
        return out
    }
}
