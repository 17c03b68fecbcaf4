/// Reads files into statements: comments, quotes, continued lines, blocks, includes, variables.
package struct StatementParser {
    /// Blocks in blocks, and includes in includes.
    package static let maximumDepth = 16
    /// Lines over all files.
    package static let maximumLines = 200_000

    package private(set) var diagnostics: [Diagnostic] = []
    private var files: ConfigurationFiles
    /// What `$name` is: the values so far of settings outside of blocks, over the defaults.
    private var values: [String: String]
    private var lineCount = 0
    /// The files that are being read, each included by the one before.
    private var reading: [String] = []

    package init(files: ConfigurationFiles) {
        self.files = files
        let defaults = Settings()
        var values: [String: String] = [:]
        for setting in Schema.all { values[setting.name] = setting.text(defaults) }
        self.values = values
    }

    /// The statements of the file at an absolute path and of all that it includes.
    package mutating func parse(path: String) -> [Statement] {
        switch self.files.source(path) {
        case .failure(let problem):
            self.error(SourcePlace(file: path, line: 0), problem.text)
            return []
        case .success(let contents):
            return self.parse(contents, path: path, depth: 0, blockDepth: 0)
        }
    }

    /// A block that is not closed yet.
    private struct OpenBlock {
        let kind: String
        let name: String
        let place: SourcePlace
        var statements: [Statement] = []
    }

    private mutating func parse(
        _ contents: [UInt8], path: String, depth: Int, blockDepth: Int
    ) -> [Statement] {
        guard !contents.contains(0), String(validating: contents, as: UTF8.self) != nil else {
            self.error(SourcePlace(file: path, line: 0), "is not UTF-8 text")
            return []
        }
        self.reading.append(path)
        defer { self.reading.removeLast() }
        var open: [OpenBlock] = [OpenBlock(kind: "", name: "", place: SourcePlace(file: path, line: 0))]
        var line = 0
        var continued = ""
        var start = 1
        for bytes in contents.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            line += 1
            self.lineCount += 1
            guard self.lineCount <= Self.maximumLines else {
                guard self.lineCount == Self.maximumLines + 1 else { break }
                self.error(SourcePlace(file: path, line: line), "too many lines; is a file included twice?")
                break
            }
            var text = String(decoding: bytes, as: UTF8.self)[...]
            if text.last == "\r" || text.last == "\r\n" { text.removeLast() }
            text = Self.trimmed(text)
            if continued.isEmpty { start = line }
            // A comment does not continue, or a lone backslash at its end would swallow a setting.
            if text.last == "\\", text.first != "#" {
                continued += Self.trimmed(text.dropLast()) + " "
                continue
            }
            let whole = continued + text
            continued = ""
            self.parse(
                line: whole[...], at: SourcePlace(file: path, line: start), into: &open, depth: depth,
                blockDepth: blockDepth)
        }
        while open.count > 1, let block = open.popLast() {
            self.error(block.place, "\(block.kind) { is never closed; a } is missing")
            Self.close(block, into: &open)
        }
        return open.first?.statements ?? []
    }

    private static func close(_ block: OpenBlock, into open: inout [OpenBlock]) {
        guard let last = open.indices.last else { return }
        open[last].statements.append(
            Statement(
                name: block.kind, content: .block(name: block.name, block.statements), place: block.place))
    }

    private mutating func parse(
        line: Substring, at place: SourcePlace, into open: inout [OpenBlock], depth: Int, blockDepth: Int
    ) {
        let line = Self.trimmed(line)
        guard let first = line.first, first != "#" else { return }
        if first == "}" {
            let rest = Self.trimmed(line.dropFirst())
            if !rest.isEmpty, rest.first != "#" {
                self.error(place, "\"\(rest)\" after a }; begin a new line")
            }
            guard open.count > 1, let block = open.popLast() else {
                self.error(place, "a } that closes nothing")
                return
            }
            Self.close(block, into: &open)
            return
        }
        if first == "!" {
            let included = self.include(
                line, at: place, depth: depth, blockDepth: blockDepth + open.count - 1)
            open[open.count - 1].statements.append(contentsOf: included)
            return
        }
        let key = line.prefix { !" \t={".contains($0) }
        let rest = Self.trimmed(line.dropFirst(key.count))
        if rest.first == "=" {
            guard !key.isEmpty else { return self.error(place, "a = without a name before it") }
            let raw = Self.trimmed(rest.dropFirst())
            let value = self.value(raw, at: place)
            if open.count == 1, blockDepth == 0 { self.values[String(key)] = value.text }
            open[open.count - 1].statements.append(
                Statement(name: String(key), content: .assignment(value), place: place))
            return
        }
        guard !key.isEmpty, let head = Self.blockHead(rest) else {
            let instead =
                key.isEmpty ? "write name = value" : "write \(key) = value, or \(key) { on a line of its own"
            return self.error(place, "neither a setting nor a block; \(instead)")
        }
        guard blockDepth + open.count <= Self.maximumDepth else {
            return self.error(place, "blocks are nested too deeply")
        }
        open.append(OpenBlock(kind: String(key), name: head.name, place: place))
        let inner = Self.trimmed(head.rest)
        guard !inner.isEmpty, inner.first != "#" else { return }
        // `kind name { setting = value }` on one line.
        var body = inner
        let closes = body == "}" || body.hasSuffix(" }") || body.hasSuffix("\t}")
        if closes { body = Self.trimmed(body.dropLast()) }
        if !closes {
            self.error(place, "write what follows { on lines of its own")
        } else if !body.isEmpty {
            self.parse(line: body, at: place, into: &open, depth: depth, blockDepth: blockDepth)
        }
        if closes, let block = open.popLast() { Self.close(block, into: &open) }
    }

    /// What stands between a block's kind and what follows its brace; `nil` without a brace.
    private static func blockHead(_ text: Substring) -> (name: String, rest: Substring)? {
        if let quote = text.first, quote == "\"" || quote == "'" {
            guard let quoted = self.quoted(text) else { return nil }
            let rest = self.trimmed(quoted.rest)
            return rest.first == "{" ? (quoted.text, rest.dropFirst()) : nil
        }
        guard let brace = text.firstIndex(of: "{") else { return nil }
        return (String(self.trimmed(text[..<brace])), text[text.index(after: brace)...])
    }

    private mutating func include(
        _ line: Substring, at place: SourcePlace, depth: Int, blockDepth: Int
    ) -> [Statement] {
        let word = line.prefix { $0 != " " && $0 != "\t" }
        guard word == "!include" || word == "!include_try" else {
            self.error(place, "\(word) is unknown; write !include or !include_try")
            return []
        }
        let value = self.value(Self.trimmed(line.dropFirst(word.count)), at: place)
        guard !value.text.isEmpty else {
            self.error(place, "\(word) names no file")
            return []
        }
        guard depth < Self.maximumDepth else {
            self.error(place, "files include each other too deeply")
            return []
        }
        var found: [Statement] = []
        let pattern = ConfigurationFiles.absolute(value.text, in: value.directory)
        for path in ConfigurationFiles.matches(pattern) {
            if self.reading.contains(path) {
                if word == "!include" {
                    let help = path == pattern ? "remove the line" : "have the pattern leave it out"
                    self.error(place, "\(path) would include itself; \(help)")
                }
                continue
            }
            switch self.files.source(path) {
            case .success(let contents):
                found += self.parse(contents, path: path, depth: depth + 1, blockDepth: blockDepth)
            case .failure(let problem):
                if word == "!include" {
                    self.error(place, problem.text + "; write !include_try if it may be missing")
                }
            }
        }
        return found
    }

    /// A value without quotes and comment, its variables replaced.
    private mutating func value(_ raw: Substring, at place: SourcePlace) -> SettingValue {
        let directory = ConfigurationFiles.directory(of: place.file)
        if let quote = raw.first, quote == "\"" || quote == "'" {
            if let quoted = Self.quoted(raw) {
                let rest = Self.trimmed(quoted.rest)
                if rest.isEmpty || rest.first == "#" {
                    let text =
                        quote == "'" ? quoted.text : self.replaced(quoted.text[...], .marked, at: place)
                    return SettingValue(text, directory: directory)
                }
            } else {
                self.error(place, "a quote that is not closed")
            }
        }
        if raw.hasPrefix("# hidden, use -P") {
            var hidden = SettingValue("", directory: directory)
            hidden.isHidden = true
            return hidden
        }
        var text = raw
        var previous: Character = " "
        for index in raw.indices {
            if raw[index] == "#", previous == " " || previous == "\t" {
                text = Self.trimmed(raw[..<index])
                break
            }
            previous = raw[index]
        }
        if text.first == "<" {
            let path = self.replaced(Self.trimmed(text.dropFirst()), .marked, at: place)
            return SettingValue(path, isFile: true, directory: directory)
        }
        return SettingValue(self.replaced(text, .all, at: place), directory: directory)
    }

    private enum Variables {
        /// `$SET:name` and `$ENV:name`.
        case marked
        /// Also `$name`, where such a setting is known.
        case all
    }

    private mutating func replaced(_ text: Substring, _ which: Variables, at place: SourcePlace) -> String {
        var out = ""
        var rest = text
        while let dollar = rest.firstIndex(of: "$") {
            out += rest[..<dollar]
            let after = rest[rest.index(after: dollar)...]
            let name = after.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ":") }
            rest = after.dropFirst(name.count)
            if name.hasPrefix("SET:") {
                let wanted = String(name.dropFirst(4))
                if let value = self.values[wanted] {
                    out += value
                } else {
                    self.error(
                        place, "$\(name): there is no setting \(wanted)" + Schema.suggestion(for: wanted))
                }
            } else if name.hasPrefix("ENV:") {
                if let value = self.files.variable(String(name.dropFirst(4))) {
                    out += value
                } else {
                    self.error(place, "$\(name): the environment has no such variable")
                }
            } else if case .all = which, let value = self.values[String(name)] {
                out += value
            } else {
                out += "$" + name
            }
        }
        return out + rest
    }

    /// The text between quotes at the beginning, `\"` and `\\` undone; `nil` when the quote is not closed.
    private static func quoted(_ text: Substring) -> (text: String, rest: Substring)? {
        guard let quote = text.first else { return nil }
        var out = ""
        var rest = text.dropFirst()
        while let character = rest.popFirst() {
            if character == quote { return (out, rest) }
            if character == "\\", let next = rest.first, next == quote || next == "\\" {
                rest.removeFirst()
                out.append(next)
            } else {
                out.append(character)
            }
        }
        return nil
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while text.first == " " || text.first == "\t" { text.removeFirst() }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }

    private mutating func error(_ place: SourcePlace, _ message: String) {
        self.diagnostics.append(Diagnostic(.error, at: place, message))
    }
}
