internal import MailCore

/// The scripts that run for each user.
extension Resolver {
    mutating func sieveScript(_ name: String, _ inner: [Statement], at place: SourcePlace) {
        if Self.isEventScript(inner) {
            return self.eventScript(name, inner, at: place, mailbox: "*", source: nil)
        }
        let title = "sieve_script \(name)"
        var script = SieveScriptSettings(name: name)
        if name.isEmpty {
            self.out.error(place, "sieve_script without a name; write sieve_script personal { }")
        }
        for statement in inner {
            guard case .assignment(let value) = statement.content else {
                self.out.unknown(
                    statement.name, at: statement.place, among: Schema.sieveScript.map(\.name), block: title,
                    isBlock: .block)
                continue
            }
            // Where no other cause is named: an event's script is no matter of this.
            if statement.name == "cause" || statement.name == "sieve_script_cause" { continue }
            if statement.name == "bin_path" || statement.name == "sieve_script_bin_path" {
                self.out.warn(statement.place, "\(statement.name): compiled scripts are kept in memory; remove it")
                continue
            }
            if statement.name == "driver" || statement.name == "sieve_script_driver" {
                if value.text != "file" {
                    self.out.error(statement.place, "driver: only file is in this release")
                }
                continue
            }
            self.out.assign(
                statement.name, value, at: statement.place, to: &script, rows: Schema.sieveScript,
                block: "\(title)\n\(self.blockCount)")
        }
        let personal = self.settings.sieve.scripts.contains { $0.type == .personal }
        if script.type == .personal, personal {
            self.out.error(place, "\(title): there is a personal script already; users have one storage")
        }
        self.settings.sieve.scripts.append(script)
    }

    /// Whether a setting is one of Sieve's in the older spelling.
    static func isPluginSieve(_ name: String) -> Bool {
        switch name {
        case "sieve", "sieve_dir", "sieve_default", "sieve_global", "sieve_global_dir", "sieve_default_name":
            return true
        default:
            for prefix in ["sieve_before", "sieve_after", "sieve_discard"] where name.hasPrefix(prefix) {
                return name.dropFirst(prefix.count).allSatisfy { $0.isASCII && $0.isNumber }
            }
            return false
        }
    }

    /// `sieve = file:~/sieve;active=~/.dovecot.sieve` and its like.
    mutating func pluginSieve(_ name: String, _ value: SettingValue, at place: SourcePlace) {
        var options = value.text.split(separator: ";").map(String.init)
        var path = options.isEmpty ? "" : options.removeFirst()
        if path.hasPrefix("file:") { path.removeFirst(5) }
        // `ldap:/etc/dovecot/sieve.conf`, `dict:file:...`
        let scheme = path.prefix { $0.isASCII && $0.isLetter }
        if name != "sieve_default_name", !scheme.isEmpty, path.dropFirst(scheme.count).hasPrefix(":") {
            return self.out.error(
                place,
                "\(name): scripts are files in this release, not in \(scheme); write the path of a file or directory")
        }
        switch Expansion.parse(path) {
        case .success(let expansion): path = expansion.text
        case .failure(let problem): return self.out.error(place, "\(name): \(problem.text)")
        }
        if name == "sieve_default_name" {
            // Dovecot's order of lines is free; the script itself may come later.
            self.defaultScriptName = value.text
            return
        }
        guard name == "sieve" || name == "sieve_dir" else {
            var script = SieveScriptSettings(name: name)
            script.type =
                name == "sieve_default"
                ? .default
                : name.hasPrefix("sieve_before")
                    ? .before
                    : name.hasPrefix("sieve_global") ? .global : name.hasPrefix("sieve_discard") ? .discard : .after
            script.path = path
            self.settings.sieve.scripts.append(script)
            return
        }
        let index: Int
        if let known = self.settings.sieve.scripts.firstIndex(where: { $0.type == .personal }) {
            index = known
        } else {
            index = self.settings.sieve.scripts.count
            self.settings.sieve.scripts.append(SieveScriptSettings(name: "personal"))
        }
        if name == "sieve_dir" || !path.hasSuffix(".sieve") {
            self.settings.sieve.scripts[index].path = path
        } else {
            self.settings.sieve.scripts[index].activePath = path
        }
        for option in options {
            if option.hasPrefix("active=") {
                self.settings.sieve.scripts[index].activePath = String(option.dropFirst(7))
            } else if !option.hasPrefix("bindir=") {
                self.out.error(place, "\(name): the option \(option) is not in this release; remove it")
            }
        }
    }
}
