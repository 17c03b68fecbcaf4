/// Scripts of the administrator for IMAP events: `sieve_script` inside of `mailbox` and `imapsieve_from`, with a `cause`
/// at the top level, and `imapsieve_mailboxN_...` of older configurations.
extension Resolver {
    private static let causeNames = ["cause", "sieve_script_cause"]

    /// Whether a `sieve_script` of the top level is for events and not for the delivery.
    static func isEventScript(_ inner: [Statement]) -> Bool {
        inner.contains { statement in
            if statement.name == "mailbox" || statement.name == "from" { return true }
            guard self.causeNames.contains(statement.name) else { return false }
            switch statement.content {
            case .assignment(let value):
                return SettingSyntax.words(value.text).contains { SettingSyntax.lowercased($0) != "delivery" }
            case .block(_, let words): return words.contains { SettingSyntax.lowercased($0.name) != "delivery" }
            }
        }
    }

    /// `sieve_script NAME { type = before  cause = copy  path = ... }`
    mutating func eventScript(
        _ name: String, _ inner: [Statement], at place: SourcePlace, mailbox: String, source: String?
    ) {
        self.blockCount += 1
        let title = "sieve_script \(name)"
        let block = "\(title)\n\(self.blockCount)"
        var script = EventScriptSettings(name: name)
        script.mailbox = mailbox
        script.source = source
        for statement in inner {
            switch statement.content {
            case .assignment(let value):
                if statement.name == "driver" || statement.name == "sieve_script_driver" {
                    if value.text != "file" {
                        self.out.error(statement.place, "driver: only file is in this release")
                    }
                    continue
                }
                self.out.assign(
                    statement.name, value, at: statement.place, to: &script, rows: Schema.eventScript, block: block)
            case .block(_, let words):
                guard Self.causeNames.contains(statement.name) else {
                    self.out.unknown(
                        statement.name, at: statement.place, among: Schema.eventScript.map(\.name), block: title,
                        isBlock: .block)
                    continue
                }
                self.out.assignList(
                    Schema.eventScript[1], words, at: statement.place, to: &script, block: block)
            }
        }
        if script.path.isEmpty { self.out.error(place, "\(title): write path = /its/file.sieve") }
        self.settings.events.scripts.append(script)
    }

    /// `imapsieve_from Junk { sieve_script ... }`
    mutating func eventSource(_ name: String, _ inner: [Statement], at place: SourcePlace, mailbox: String) {
        let title = "imapsieve_from \(name)"
        var source = name
        for statement in inner {
            switch statement.content {
            case .assignment(let value) where statement.name == "imapsieve_from_name" || statement.name == "name":
                source = value.text
            case .block(let name, let settings) where statement.name == "sieve_script":
                self.eventScript(name, settings, at: statement.place, mailbox: mailbox, source: source)
            case .assignment:
                self.out.unknown(statement.name, at: statement.place, among: ["name"], block: title)
            case .block:
                self.out.unknown(
                    statement.name, at: statement.place, among: ["sieve_script"], block: title, isBlock: .block)
            }
        }
        if source.isEmpty { self.out.error(place, "imapsieve_from without a mailbox; write imapsieve_from Junk { }") }
    }

    // MARK: Older configurations

    private static let olderPrefix = "imapsieve_mailbox"
    /// What such names end in; the longest first.
    private static let olderEndings = ["_copy_source_after", "_causes", "_before", "_after", "_from", "_name"]

    static func isPluginEvent(_ name: String) -> Bool {
        name.hasPrefix(self.olderPrefix) && self.olderEndings.contains { name.hasSuffix($0) }
    }

    /// `imapsieve_mailbox1_name = Junk` and its like, put together at the end.
    mutating func pluginEvent(_ name: String, _ value: SettingValue, at place: SourcePlace) {
        guard let ending = Self.olderEndings.first(where: { name.hasSuffix($0) }) else { return }
        let key = String(name.dropFirst(Self.olderPrefix.count).dropLast(ending.count))
        let index: Int
        if let known = self.eventMailboxes.firstIndex(where: { $0.key == key }) {
            index = known
        } else {
            index = self.eventMailboxes.count
            self.eventMailboxes.append((key, [:]))
        }
        self.eventMailboxes[index].values[String(ending.dropFirst())] = (value.text, place)
    }

    mutating func finishEvents(at whole: SourcePlace) {
        for (index, name) in self.eventNamespaces where index < self.settings.events.scripts.count {
            guard let namespace = self.settings.namespaces.first(where: { $0.name == name }), !namespace.holdsInbox
            else { continue }
            self.settings.events.scripts[index].mailbox = namespace.prefix + self.settings.events.scripts[index].mailbox
        }
        for (key, values) in self.eventMailboxes {
            guard let name = values["name"] else {
                let place = values.values.first?.place ?? whole
                self.out.error(place, "imapsieve_mailbox\(key)_name is missing; write which mailbox it is about")
                continue
            }
            for (ending, type) in [
                ("before", "before"), ("after", "after"), ("copy_source_after", "copy-source-after"),
            ] {
                guard let (text, place) = values[ending] else { continue }
                var path = text.split(separator: ";").first.map(String.init) ?? ""
                if path.hasPrefix("file:") { path.removeFirst(5) }
                var script = EventScriptSettings(name: "imapsieve_mailbox\(key)_\(ending)")
                script.mailbox = name.text
                script.source = values["from"].flatMap { $0.text.isEmpty || $0.text == "*" ? nil : $0.text }
                let block = "\(script.name)\n"
                self.out.assign(
                    "type", SettingValue(type), at: place, to: &script, rows: Schema.eventScript, block: block)
                self.out.assign(
                    "path", SettingValue(path), at: place, to: &script, rows: Schema.eventScript, block: block)
                if let causes = values["causes"] {
                    self.out.assign(
                        "cause", SettingValue(causes.text), at: causes.place, to: &script, rows: Schema.eventScript,
                        block: block)
                }
                self.settings.events.scripts.append(script)
            }
        }
        let junk = self.settings.junk
        for (name, command) in [
            ("junk_learn_spam_command", junk.learnSpam), ("junk_learn_ham_command", junk.learnHam),
        ] where !command.isEmpty && !command.hasPrefix("/") {
            self.out.error(
                whole,
                "\(name): \"\(command)\" is no absolute path of a program; write \(name) = /path/of/program ARGUMENTS")
        }
        if !junk.header.isEmpty, !junk.header.utf8.contains(0x3A) {
            self.out.error(whole, "junk_header: write the field and its value, such as X-Spam: Yes")
        }
    }
}
