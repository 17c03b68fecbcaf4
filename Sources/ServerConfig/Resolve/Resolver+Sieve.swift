/// What of Sieve's settings is more than a name and a value.
extension Resolver {
    /// Whether the block is one of those that `sieveBlock` reads.
    static func isSieveBlock(_ name: String) -> Bool { self.sieveBlocks.contains(name) }

    static let sieveBlocks = [
        "sieve_extensions", "sieve_global_extensions", "sieve_editheader_header", "sieve_extlists_list",
        "sieve_spamtest_text_value", "sieve_virustest_text_value",
    ]

    mutating func sieveBlock(_ kind: String, _ name: String, _ inner: [Statement], at place: SourcePlace) {
        switch kind {
        case "sieve_extensions", "sieve_global_extensions": self.sieveExtensions(kind, inner, at: place)
        case "sieve_editheader_header": self.protectedHeader(name, inner, at: place)
        case "sieve_extlists_list": self.sieveList(name, inner, at: place)
        default:
            for statement in inner {
                guard case .assignment(let value) = statement.content else {
                    self.out.error(statement.place, "a block inside of \(kind); write N = TEXT")
                    continue
                }
                self.statusText(kind, statement.name, value.text, at: statement.place)
            }
        }
    }

    /// `sieve_extensions { spamtest = yes  vacation = no }` changes the default, or what a block before it made of it.
    private mutating func sieveExtensions(_ kind: String, _ inner: [Statement], at place: SourcePlace) {
        var words =
            kind == "sieve_extensions"
            ? self.settings.sieve.language.extensions : self.settings.sieve.language.globalExtensions
        for statement in inner {
            guard case .assignment(let value) = statement.content else {
                self.out.error(statement.place, "a block inside of \(kind); write NAME = yes")
                continue
            }
            switch SettingSyntax.boolean(value.text) {
            case .value(let yes): words.append((yes ? "+" : "-") + statement.name)
            case .wrong(let why): self.out.error(statement.place, "\(statement.name): \(why)")
            }
        }
        self.out.assign(
            kind, SettingValue(words.joined(separator: " ")), at: place, to: &self.settings, rows: Schema.all,
            block: "\(kind)\n\(self.blockCount)")
    }

    /// `sieve_editheader_header Subject { forbid_add = yes  forbid_delete = yes }`
    private mutating func protectedHeader(_ name: String, _ inner: [Statement], at place: SourcePlace) {
        let title = "sieve_editheader_header \(name)"
        var field = name
        var isNotAdded = false
        var isNotDeleted = false
        for statement in inner {
            guard case .assignment(let value) = statement.content else {
                self.out.error(statement.place, "a block inside of \(title); write forbid_add = yes")
                continue
            }
            var short = statement.name
            if short.hasPrefix("sieve_editheader_header_") { short = String(short.dropFirst(24)) }
            if short == "name" {
                field = value.text
                continue
            }
            guard short == "forbid_add" || short == "forbid_delete" else {
                self.out.unknown(
                    statement.name, at: statement.place, among: ["name", "forbid_add", "forbid_delete"], block: title)
                continue
            }
            switch SettingSyntax.boolean(value.text) {
            case .value(let yes):
                if short == "forbid_add" { isNotAdded = yes } else { isNotDeleted = yes }
            case .wrong(let why): self.out.error(statement.place, "\(statement.name): \(why)")
            }
        }
        if field.isEmpty { self.out.error(place, "\(title) without the name of a header field") }
        if isNotAdded { self.settings.sieve.language.headersNotAdded.append(field) }
        if isNotDeleted { self.settings.sieve.language.headersNotDeleted.append(field) }
    }

    /// `sieve_extlists_list friends { path = ~/friends }`, also with `dict file { path = ... }`.
    private mutating func sieveList(_ name: String, _ inner: [Statement], at place: SourcePlace) {
        let title = "sieve_extlists_list \(name)"
        var list = SieveListSettings(name: name)
        for statement in inner {
            switch statement.content {
            case .assignment(let value):
                self.out.assign(
                    statement.name, value, at: statement.place, to: &list, rows: Schema.sieveList,
                    block: "\(title)\n\(self.blockCount)")
            case .block(let driver, let dict):
                guard statement.name == "dict", driver == "file" else {
                    self.out.error(
                        statement.place,
                        "\(statement.name) \(driver) { } in \(title): only dict file { path = ... } is there")
                    continue
                }
                list.form = .pairs
                for inner in dict {
                    guard case .assignment(let value) = inner.content else { continue }
                    if inner.name == "driver" || inner.name == "dict_driver" { continue }
                    let name = inner.name == "dict_file_path" ? "path" : inner.name
                    self.out.assign(
                        name, value, at: inner.place, to: &list, rows: Schema.sieveList,
                        block: "\(title)\n\(self.blockCount)")
                }
            }
        }
        if list.name.isEmpty {
            self.out.error(place, "sieve_extlists_list without a name; write sieve_extlists_list NAME { }")
        }
        self.settings.sieve.language.lists.append(list)
    }

    // MARK: Settings with a part of the name that is free

    /// `sieve_env_NAME`, `sieve_spamtest_text_valueN`, and protected headers of older configurations.
    static func isOpenSieve(_ name: String) -> Bool {
        if name.hasPrefix("sieve_env_") || name == "sieve_editheader_protected" { return true }
        for prefix in ["sieve_spamtest_text_value", "sieve_virustest_text_value"] where name.hasPrefix(prefix) {
            return name.utf8.count > prefix.utf8.count
        }
        return false
    }

    mutating func openSieve(_ name: String, _ value: SettingValue, at place: SourcePlace) {
        if name.hasPrefix("sieve_env_") {
            self.settings.sieve.language.items.append(
                FieldSetting(name: SettingSyntax.lowercased(String(name.dropFirst(10))), value: value.text))
        } else if name == "sieve_editheader_protected" {
            let fields = SettingSyntax.words(value.text)
            self.settings.sieve.language.headersNotAdded += fields
            self.settings.sieve.language.headersNotDeleted += fields
        } else {
            let prefix = name.hasPrefix("sieve_spam") ? "sieve_spamtest_text_value" : "sieve_virustest_text_value"
            self.statusText(prefix, String(name.dropFirst(prefix.utf8.count)), value.text, at: place)
        }
    }

    private mutating func statusText(_ setting: String, _ number: String, _ text: String, at place: SourcePlace) {
        let digits = number.hasPrefix("/") ? String(number.dropFirst()) : number
        guard let value = Int(digits), (0...10).contains(value), !text.isEmpty, !text.contains(",") else {
            return self.out.error(place, "\(setting): write N = TEXT with N from 0 to 10 and a text without commas")
        }
        if setting.hasPrefix("sieve_spam") {
            self.settings.sieve.language.spamTest.texts.append("\(value)=\(text)")
        } else {
            self.settings.sieve.language.virusTest.texts.append("\(value)=\(text)")
        }
    }
}
