/// Puts values into structs by the rows of the schema, and keeps what is wrong.
package struct Assigner {
    package var files: ConfigurationFiles
    package private(set) var diagnostics: [Diagnostic] = []
    /// Where each setting of each block was set last.
    private var seen: [String: SourcePlace] = [:]

    package init(files: ConfigurationFiles) { self.files = files }

    package var errorCount: Int { self.diagnostics.count { $0.severity == .error } }

    /// Whether the value of a setting was refused: what follows from its absence is then no mistake of its own.
    func hasError(about setting: String) -> Bool {
        self.diagnostics.contains { $0.severity == .error && $0.message.hasPrefix("\(setting): ") }
    }

    /// Whether a mistake is about a setting of the top level, by any of its names, or says that it is meant.
    func hasErrorNaming(_ setting: String) -> Bool {
        let aliases = Self.find(setting, in: Schema.all)?.0.aliases.map(\.name) ?? []
        return self.diagnostics.contains { diagnostic in
            diagnostic.severity == .error
                && ([setting] + aliases).contains { name in
                    diagnostic.message.hasPrefix("\(name): ") || diagnostic.message.hasPrefix("\(name) ")
                        || diagnostic.message.hasSuffix("did you mean \(name)?")
                }
        }
    }

    /// Where a setting of the top level was set last.
    func place(of setting: String) -> SourcePlace? { self.seen["\n" + setting] }

    package mutating func error(_ place: SourcePlace, _ message: String) {
        self.diagnostics.append(Diagnostic(.error, at: place, message))
    }

    package mutating func warn(_ place: SourcePlace, _ message: String) {
        self.diagnostics.append(Diagnostic(.warning, at: place, message))
    }

    /// Sets what `name` names among `rows`; answers its row unless the name is unknown.
    ///
    /// - Parameter block: what messages call the block, empty at the top level; with `block` a name is set
    ///   twice only inside of the same one, so it has to be unique.
    @discardableResult
    package mutating func assign<Root>(
        _ name: String, _ value: SettingValue, at place: SourcePlace, to root: inout Root,
        rows: [Setting<Root>], block: String = ""
    ) -> Setting<Root>? {
        guard let (row, alias) = Self.find(name, in: rows) else {
            self.unknown(name, at: place, among: rows.map(\.name), block: block)
            return nil
        }
        var value = value
        if alias?.isInverted == true {
            switch SettingSyntax.boolean(value.text) {
            case .value(let yes): value.text = yes ? "no" : "yes"
            case .wrong(let why):
                self.error(place, "\(name): \(why); write \(row.name)")
                return row
            }
        }
        if value.isHidden {
            let value = row.namesFile ? "/path of the file" : "its value"
            self.error(place, "\(name): doveconf hides what it is; write \(row.name) = \(value)")
            return row
        }
        if row.namesFile, value.text.contains("-----BEGIN") {
            self.error(place, "\(name) holds the contents of a file; write \(row.name) = /its/path")
            return row
        }
        let key = block + "\n" + row.name
        if let before = self.seen[key], before.file == place.file {
            self.warn(place, "\(name) is set again; line \(before.line) set it before and no longer counts")
        }
        self.seen[key] = place
        if let why = row.assign(&root, value, &self.files) { self.error(place, "\(name): \(why)") }
        return row
    }

    /// As `assign`, for a block that spells a list out: `mechanisms { plain = yes }`.
    package mutating func assignList<Root>(
        _ row: Setting<Root>, _ statements: [Statement], at place: SourcePlace, to root: inout Root,
        block: String = ""
    ) {
        var words: [String] = []
        for statement in statements {
            guard case .assignment(let value) = statement.content else {
                self.error(statement.place, "a block inside of the list \(row.name); write NAME = yes")
                continue
            }
            switch SettingSyntax.boolean(value.text) {
            case .value(true): words.append(statement.name)
            case .value(false): break
            case .wrong(let why): self.error(statement.place, "\(statement.name): \(why)")
            }
        }
        let list = SettingValue(words.joined(separator: " "))
        self.assign(row.name, list, at: place, to: &root, rows: [row], block: block)
    }

    package mutating func unknown(
        _ name: String, at place: SourcePlace, among known: [String], block: String = "",
        isBlock: BlockName = .setting
    ) {
        // After a line end stands what tells blocks of one name apart.
        let here = block.isEmpty ? "" : " in \(block.prefix { $0 != "\n" })"
        let what = isBlock == .block ? "the block \(name) { }" : name
        if let hint = DovecotSettings.exactHint(for: name) {
            self.error(place, "\(what) is not a Martlet setting\(here); \(hint)")
        } else if let near = Spelling.nearest(to: name, among: known) {
            self.error(place, "\(what) is unknown\(here); did you mean \(near)?")
        } else if !block.isEmpty, let row = Self.find(name, in: Schema.all) {
            self.error(place, "\(row.0.name) cannot be set\(here); write it outside of all blocks")
        } else if let hint = DovecotSettings.familyHint(for: name) {
            self.error(place, "\(what) is not a Martlet setting\(here); \(hint)")
        } else {
            let list =
                known.count <= 12
                ? "; known are \(known.joined(separator: ", "))" : "; `martlet config` lists all settings"
            self.error(place, "\(what) is unknown\(here)\(list)")
        }
    }

    /// What an unknown name is the name of.
    package enum BlockName { case setting, block }

    /// The row of that name or alias.
    package static func find<Root>(
        _ name: String, in rows: [Setting<Root>]
    ) -> (Setting<Root>, SettingAlias?)? {
        for row in rows {
            if row.name == name { return (row, nil) }
            if let alias = row.aliases.first(where: { $0.name == name }) { return (row, alias) }
        }
        return nil
    }
}
