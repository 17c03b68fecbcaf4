/// The settings of Sieve's language.
extension Schema {
    static let sieveLanguage: [Setting<Settings>] =
        [
            .extensions(
                "sieve_extensions", \.sieve.language.extensions,
                "Extensions that users' scripts may require. Names alone are all there are; `+name` and `-name` change the default, which is that of Pigeonhole, and so does `sieve_extensions { name = yes }`. See sieve.md."
            ),
            .extensions(
                "sieve_global_extensions", \.sieve.language.globalExtensions,
                "Extensions that scripts of the site may require and users' own never, such as `vnd.dovecot.pipe`."),
            .time(
                "sieve_max_cpu_time", \.sieve.language.maximumCPUTime,
                "CPU time of the scripts of one message, and as many steps as a slow machine does in it; 0 is no limit."
            ),
            .size(
                "sieve_variables_max_value_size", \.sieve.language.maximumVariableSize,
                "Longest value of a variable; longer ones are cut."
            )
            .alias("sieve_variables_max_variable_size"),
            .number(
                "sieve_variables_max_scope_count", \.sieve.language.maximumVariables, 128...10_000,
                "Variables of one script, and of all that it includes together."
            )
            .alias("sieve_variables_max_scope_size"),
            .number(
                "sieve_include_max_nesting_depth", \.sieve.language.maximumIncludeDepth, 0...100,
                "Scripts that include scripts that include scripts."),
            .number(
                "sieve_include_max_includes", \.sieve.language.maximumIncludes, 0...10_000,
                "Scripts that one script includes, directly or not."),
            .size(
                "sieve_editheader_max_header_size", \.sieve.language.maximumHeaderSize,
                "Largest header field that a script may add; 1024 octets at least."),
            .list(
                "sieve_editheader_forbid_add", \.sieve.language.headersNotAdded,
                "Header fields that scripts must not add. `sieve_editheader_header NAME { forbid_add = yes }` is another spelling."
            ),
            .list(
                "sieve_editheader_forbid_delete", \.sieve.language.headersNotDeleted,
                "Header fields that scripts must not delete, beside Received and Auto-Submitted, which are always safe."
            ),
        ]
        + statusTest("spam", \.sieve.language.spamTest) + statusTest("virus", \.sieve.language.virusTest)
        + programs("pipe", \.sieve.language.pipe) + programs("filter", \.sieve.language.filter)
        + programs("execute", \.sieve.language.execute)

    private static func statusTest(
        _ what: String, _ path: any Setting<Settings>.Path<SieveStatusTestSettings>
    ) -> [Setting<Settings>] {
        let prefix = "sieve_\(what)test_"
        let rows: [Setting<SieveStatusTestSettings>] = [
            .choice(
                prefix + "status_type", \.type,
                "How the \(what) scanner writes its result: a number, so many equal characters, a text; `none`: no scanner."
            ),
            .text(
                prefix + "status_header", \.statusHeader,
                "Header field of the result, or `Field:expression` whose one group it is (POSIX extended)."),
            .text(
                prefix + "score_max_value", \.maximumValue,
                "The number, or number of characters, from which on a message is \(what) without doubt."
            )
            .alias(SettingAlias(stringLiteral: prefix + "max_value")),
            .text(
                prefix + "score_max_header", \.maximumHeader,
                "Header field that holds that number, as status_header."
            )
            .alias(SettingAlias(stringLiteral: prefix + "max_header")),
            .names(
                prefix + "text_value", \.texts,
                "Texts of the scanner, as `1=clean, 10=\(what)`: the number is the test's result."),
        ]
        return rows.map { $0.inside(path) }
    }

    private static func programs(
        _ what: String, _ path: any Setting<Settings>.Path<SieveProgramSettings>
    ) -> [Setting<Settings>] {
        let prefix = "sieve_\(what)_"
        let rows: [Setting<SieveProgramSettings>] = [
            .optionalPath(
                prefix + "bin_dir", \.binDirectory,
                "Directory of the programs that vnd.dovecot.\(what) may run. Empty: none."),
            .text(
                prefix + "socket_dir", \.socketDirectory,
                "Directory, below base_dir, of sockets behind which script services wait."),
            .time(
                prefix + "exec_timeout", \.timeout,
                "For so long such a program may run; then it is ended and has failed."),
            .choice(prefix + "input_eol", \.inputLineEnd, "How lines of its input end."),
        ]
        return rows.map { $0.inside(path) }
    }

    package static let sieveList: [Setting<SieveListSettings>] = [
        .text("name", \.name, "As scripts name it, such as `:addrbook:default` or `tag:example.org,2026:friends`.")
            .alias("sieve_extlists_list_name"),
        .template("path", \.path, "The file of its members; `~/` is the home. Empty: it has none."),
        .choice(
            "form", \.form,
            "`lines`: a member in each line, `#` begins a comment; `pairs`: lines of keys and values in turn, as of Dovecot's file dict."
        ),
    ]
}

extension Setting {
    /// The same setting of what a struct holds at `path`.
    func inside<Outer>(_ path: any Setting<Outer>.Path<Root>) -> Setting<Outer> {
        let (assign, text) = (self.assign, self.text)
        return Setting<Outer>(
            name: self.name, type: self.type, doc: self.doc, aliases: self.aliases, scopes: self.scopes,
            namesFile: self.namesFile, isList: self.isList,
            assign: { root, value, files in assign(&root[keyPath: path], value, &files) },
            text: { text($0[keyPath: path]) })
    }

    /// Names of Sieve extensions, maybe with `+` or `-`.
    static func extensions(_ name: String, _ path: any Path<[String]>, _ doc: String) -> Setting {
        var setting = Setting(
            name: name, type: "list of extensions", doc: doc,
            assign: { root, value, _ in
                let words = SettingSyntax.words(value.text)
                var mistakes: [String] = []
                for word in words {
                    let plain = word.hasPrefix("+") || word.hasPrefix("-") ? String(word.dropFirst()) : word
                    if SieveLanguageSettings.knownExtensions.contains(plain) { continue }
                    let near = Spelling.nearest(to: plain, among: SieveLanguageSettings.knownExtensions)
                    mistakes.append("there is no extension \(plain)" + (near.map { "; did you mean \($0)?" } ?? ""))
                }
                guard mistakes.isEmpty else { return mistakes.joined(separator: "; ") }
                root[keyPath: path] = words
                return nil
            }, text: { $0[keyPath: path].joined(separator: " ") })
        setting.isList = true
        return setting
    }
}
