internal import MailCore

/// The form in which the supervisor hands a configuration to its roles.
///
/// One octet version, the first file's path, the statements, then the contents of named files; texts and
/// counts as `MailCore` writes them. It holds private keys: for pipes and memory files, never for a disk.
extension Configuration {
    private static let version: UInt8 = 1

    public func serialize() -> [UInt8] {
        var out: [UInt8] = [Self.version]
        out.appendText(self.path)
        Self.write(self.statements, into: &out)
        out.appendVarint(UInt64(self.files.count))
        for (path, contents) in self.files.sorted(by: { $0.key < $1.key }) {
            out.appendText(path)
            out.appendVarint(UInt64(contents.count))
            out.append(contentsOf: contents)
        }
        return out
    }

    /// `nil` when `bytes` are not what `serialize` of the same release wrote.
    public init?(serialized bytes: [UInt8]) {
        let parts = bytes.withUnsafeBytes { buffer -> (String, [Statement], [String: [UInt8]])? in
            var reader = ByteReader(buffer)
            guard reader.readLittleEndian(UInt8.self) == Self.version, let path = reader.readText(),
                let statements = Self.readStatements(&reader, depth: 0), let count = reader.readVarint()
            else { return nil }
            var files: [String: [UInt8]] = [:]
            for _ in 0..<min(count, 100_000) {
                guard let path = reader.readText(), let length = reader.readVarint(),
                    length <= UInt64(reader.remaining), let contents = reader.readBytes(Int(length))
                else { return nil }
                files[path] = Array(contents)
            }
            return reader.remaining == 0 ? (path, statements, files) : nil
        }
        guard let (path, statements, files) = parts else { return nil }
        let loaded = Self.resolve(
            statements, path: path, files: ConfigurationFiles(kept: files), diagnostics: [])
        guard let configuration = loaded.configuration else { return nil }
        self = configuration
    }

    private static func write(_ statements: [Statement], into out: inout [UInt8]) {
        out.appendVarint(UInt64(statements.count))
        for statement in statements {
            out.appendText(statement.name)
            out.appendText(statement.place.file)
            out.appendVarint(UInt64(statement.place.line))
            switch statement.content {
            case .assignment(let value):
                out.append(value.isFile ? 1 : 0)
                out.appendText(value.text)
                out.appendText(value.directory)
            case .block(let name, let inner):
                out.append(2)
                out.appendText(name)
                self.write(inner, into: &out)
            }
        }
    }

    private static func readStatements(_ reader: inout ByteReader, depth: Int) -> [Statement]? {
        guard depth <= StatementParser.maximumDepth, let count = reader.readVarint(),
            count <= UInt64(StatementParser.maximumLines)
        else { return nil }
        var statements: [Statement] = []
        for _ in 0..<count {
            guard let name = reader.readText(), let file = reader.readText(), let line = reader.readVarint(),
                line <= UInt64(UInt32.max), let kind = reader.readLittleEndian(UInt8.self),
                let text = reader.readText()
            else { return nil }
            let content: Statement.Content
            switch kind {
            case 0, 1:
                guard let directory = reader.readText() else { return nil }
                content = .assignment(SettingValue(text, isFile: kind == 1, directory: directory))
            case 2:
                guard let inner = self.readStatements(&reader, depth: depth + 1) else { return nil }
                content = .block(name: text, inner)
            default: return nil
            }
            statements.append(
                Statement(name: name, content: content, place: SourcePlace(file: file, line: Int(line))))
        }
        return statements
    }
}
