package import MailCore
extension Setting {
    package typealias Path<Value> = WritableKeyPath<Root, Value> & Sendable

    /// A row whose value is parsed from text; `< file` stands for the file's contents.
    private static func row<Value>(
        _ name: String, _ type: String, _ path: any Path<Value>, _ doc: String,
        parse: @escaping @Sendable (String) -> ParsedValue<Value>,
        write: @escaping @Sendable (Value) -> String
    ) -> Setting {
        Setting(
            name: name, type: type, doc: doc,
            assign: { root, value, files in
                var text = value.text
                if value.isFile {
                    switch files.text(of: ConfigurationFiles.absolute(value.text, in: value.directory)) {
                    case .success(let contents): text = contents
                    case .failure(let problem): return problem.text
                    }
                }
                switch parse(text) {
                case .value(let parsed):
                    root[keyPath: path] = parsed
                    return nil
                case .wrong(let why): return why
                }
            },
            text: { write($0[keyPath: path]) })
    }

    package static func flag(_ name: String, _ path: any Path<Bool>, _ doc: String) -> Setting {
        self.row(name, "yes or no", path, doc, parse: SettingSyntax.boolean) { $0 ? "yes" : "no" }
    }

    package static func text(_ name: String, _ path: any Path<String>, _ doc: String) -> Setting {
        self.row(name, "text", path, doc, parse: { .value($0) }, write: { $0 })
    }

    /// One punctuation mark that has no other meaning in names of directories.
    package static func mark(_ name: String, _ path: any Path<String>, _ doc: String) -> Setting {
        self.row(
            name, "one of \(SettingSyntax.marks)", path, doc,
            parse: { text in
                text.utf8.count == 1 && text.first.map(SettingSyntax.marks.contains) == true
                    ? .value(text) : .wrong("\"\(text)\" is not one of \(SettingSyntax.marks)")
            }, write: { $0 })
    }

    /// Text in which `%{...}` is replaced later; a wrong expansion is found now, an old one rewritten.
    package static func template(
        _ name: String, _ path: any Path<String>, letters: Expansion.Letters = .user, _ doc: String
    ) -> Setting {
        self.row(
            name, "text with %{variables}", path, doc,
            parse: { text in
                switch Expansion.parse(text, letters: letters) {
                case .success(let expansion): .value(expansion.text)
                case .failure(let problem): .wrong(problem.text)
                }
            }, write: { $0 })
    }

    package static func absolutePath(_ name: String, _ path: any Path<String>, _ doc: String) -> Setting {
        self.row(
            name, "absolute path", path, doc,
            parse: { text in
                guard text.hasPrefix("/") else {
                    return .wrong("\"\(text)\" is not an absolute path; begin it with /")
                }
                return .value(SettingSyntax.path(text))
            }, write: { $0 })
    }

    /// An absolute path, or nothing for what the documentation says.
    package static func optionalPath(_ name: String, _ path: any Path<String>, _ doc: String) -> Setting {
        self.row(
            name, "absolute path", path, doc,
            parse: { text in
                text.isEmpty || text.hasPrefix("/")
                    ? .value(SettingSyntax.path(text))
                    : .wrong("\"\(text)\" is not an absolute path; begin it with /")
            }, write: { $0 })
    }

    /// `stderr`, `syslog` or an absolute path.
    package static func logPath(_ name: String, _ path: any Path<String>, _ doc: String) -> Setting {
        self.row(
            name, "stderr, syslog or an absolute path", path, doc,
            parse: { text in
                switch text {
                case "/dev/stderr": .value("stderr")
                case "", "stderr", "syslog": .value(text)
                default:
                    text.hasPrefix("/")
                        ? .value(text)
                        : .wrong("\"\(text)\" is no place for logs; write stderr, syslog or an absolute path")
                }
            }, write: { $0 })
    }

    package static func number(
        _ name: String, _ path: any Path<Int>, _ range: ClosedRange<Int>, _ doc: String
    ) -> Setting {
        self.row(
            name, "number", path, doc,
            parse: { text in
                if text == "unlimited", range.contains(0) { return .value(0) }
                guard let number = Int(text), range.contains(number) else {
                    return .wrong(
                        "\"\(text)\" is not a number from \(range.lowerBound) to \(range.upperBound)")
                }
                return .value(number)
            }, write: { String($0) })
    }

    package static func size(_ name: String, _ path: any Path<UInt64>, _ doc: String) -> Setting {
        self.row(
            name, "size", path, doc,
            parse: { text in
                let parsed = SettingSyntax.size(text)
                guard case .value(let octets) = parsed, octets > SettingSyntax.largestSize else { return parsed }
                return .wrong("\"\(text)\" is too large; write 1048576T at most")
            }, write: SettingSyntax.sizeText)
    }

    package static func time(_ name: String, _ path: any Path<Duration>, _ doc: String) -> Setting {
        self.row(
            name, "time", path, doc, parse: SettingSyntax.time, write: SettingSyntax.timeText)
    }

    package static func mode(_ name: String, _ path: any Path<UInt32>, _ doc: String) -> Setting {
        self.row(
            name, "octal permissions", path, doc,
            parse: { text in
                guard let mode = UInt32(text, radix: 8), mode <= 0o777 else {
                    return .wrong("\"\(text)\" is not an octal permission such as 0660")
                }
                return .value(mode)
            }, write: { "0" + String($0, radix: 8) })
    }

    package static func list(_ name: String, _ path: any Path<[String]>, _ doc: String) -> Setting {
        var setting = self.row(
            name, "list of words", path, doc,
            parse: { .value(SettingSyntax.words($0)) }, write: { $0.joined(separator: " ") })
        setting.isList = true
        return setting
    }

    /// Addresses to listen on.
    package static func listenAddresses(_ name: String, _ path: any Path<[String]>, _ doc: String) -> Setting {
        var setting = self.row(
            name, "list of addresses", path, doc,
            parse: { (text: String) -> ParsedValue<[String]> in
                var found: [String] = []
                for word in SettingSyntax.words(text) {
                    switch SettingSyntax.listenAddress(word) {
                    case .value(let address): found.append(address)
                    case .wrong(let why): return .wrong(why)
                    }
                }
                return .value(found)
            }, write: { $0.joined(separator: " ") })
        setting.isList = true
        return setting
    }

    /// Addresses, and networks such as `192.0.2.0/24`.
    package static func networks(_ name: String, _ path: any Path<[IPNetwork]>, _ doc: String) -> Setting {
        var setting = self.row(
            name, "list of addresses and networks", path, doc,
            parse: { text in
                var found: [IPNetwork] = []
                var mistakes: [String] = []
                for word in SettingSyntax.words(text) {
                    if let network = IPNetwork(word) { found.append(network) } else { mistakes.append("\"\(word)\"") }
                }
                guard !mistakes.isEmpty else { return .value(found) }
                let list = mistakes.joined(separator: ", ")
                return .wrong("\(list) is no address; write one, or a network such as 192.0.2.0/24")
            }, write: { $0.map(\.description).joined(separator: " ") })
        setting.isList = true
        return setting
    }

    /// Names with blanks, separated by commas.
    package static func names(_ name: String, _ path: any Path<[String]>, _ doc: String) -> Setting {
        self.row(
            name, "names separated by commas", path, doc,
            parse: { text in
                .value(
                    text.split(separator: ",").map { part in
                        let words = part.drop { $0 == " " || $0 == "\t" }
                        return String(words.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
                    }.filter { !$0.isEmpty })
            }, write: { $0.joined(separator: ", ") })
    }

    package static func choice<Choice: SettingChoice>(
        _ name: String, _ path: any Path<Choice>, _ doc: String
    ) -> Setting {
        self.row(
            name, SettingSyntax.choiceNames(Choice.self, "or"), path, doc,
            parse: SettingSyntax.choice, write: { $0.rawValue })
    }

    package static func choices<Choice: SettingChoice>(
        _ name: String, _ path: any Path<[Choice]>, _ doc: String
    ) -> Setting {
        var setting = self.row(
            name, "list of " + SettingSyntax.choiceNames(Choice.self, "and"), path, doc,
            parse: { (text: String) -> ParsedValue<[Choice]> in
                var found: [Choice] = []
                var mistakes: [String] = []
                for word in SettingSyntax.words(text) {
                    let parsed: ParsedValue<Choice> = SettingSyntax.choice(word)
                    switch parsed {
                    case .value(let choice): if !found.contains(choice) { found.append(choice) }
                    case .wrong(let why): mistakes.append(why)
                    }
                }
                return mistakes.isEmpty ? .value(found) : .wrong(mistakes.joined(separator: "; "))
            }, write: { $0.map(\.rawValue).joined(separator: " ") })
        setting.isList = true
        return setting
    }

    /// A file that is read while loading; relative to the file that names it.
    package static func file(_ name: String, _ path: any Path<FileSetting?>, _ doc: String) -> Setting {
        var setting = Setting(
            name: name, type: "path of a file", doc: doc,
            assign: { root, value, files in
                guard !value.text.isEmpty else {
                    root[keyPath: path] = nil
                    return nil
                }
                let absolute = ConfigurationFiles.absolute(value.text, in: value.directory)
                switch files.contents(of: absolute) {
                case .success(let contents):
                    root[keyPath: path] = FileSetting(path: absolute, contents: contents)
                    return nil
                case .failure(let problem): return problem.text
                }
            },
            text: { $0[keyPath: path]?.path ?? "" })
        setting.namesFile = true
        return setting
    }
}
