/// The text of a `dovecot-acl` file: a row a line, `IDENTIFIER LETTERS[ :WORD ...]`, with `-` before the identifier
/// when rights are taken.
///
///     anyone lr
///     user=alice lrwstipekx
///     -group=trainees e
///     "group=two words" lr :post
///
/// Empty lines and those that begin with `#` say nothing.
extension AccessList {
    /// The largest text of a mailbox's list, in octets: some ten thousand rows. Log, index and memory hold it, too.
    public static let maximumTextSize = 256 << 10

    public init(text: [UInt8]) {
        var rows: [Row] = []
        var isDamaged = text.count > Self.maximumTextSize
        for line in text.prefix(Self.maximumTextSize).split(separator: 0x0A) {
            var line = line
            if line.last == 0x0D { line = line.dropLast() }
            if line.isEmpty || line.first == UInt8(ascii: "#") { continue }
            if let row = Row(line: line) { rows.append(row) } else { isDamaged = true }
        }
        self.init(rows)
        self.isDamaged = isDamaged
    }

    /// The file's octets; empty when there is no row.
    public var text: [UInt8] {
        var out: [UInt8] = []
        for row in self.rows { row.encode(into: &out) }
        return out
    }
}

extension AccessIdentifier {
    /// `user=alice`, `owner`, `group-override=staff`.
    public var text: String {
        switch self {
        case .anyone: "anyone"
        case .authenticated: "authenticated"
        case .group(let name): "group=\(name)"
        case .owner: "owner"
        case .user(let name): "user=\(name)"
        case .groupOverride(let name): "group-override=\(name)"
        }
    }

    /// `nil` when the text is no identifier or its name is empty.
    public init?(text: String) {
        switch text {
        case "anyone", "anonymous": self = .anyone
        case "authenticated": self = .authenticated
        case "owner": self = .owner
        default:
            guard let equals = text.firstIndex(of: "=") else { return nil }
            let name = String(text[text.index(after: equals)...])
            guard Self.isName(name) else { return nil }
            switch text[..<equals] {
            case "user": self = .user(name)
            case "group": self = .group(name)
            case "group-override": self = .groupOverride(name)
            default: return nil
            }
        }
    }

    /// Whether a name can stand in a line of the file.
    public static func isName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 500 && name.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    }
}

extension AccessList.Row {
    fileprivate init?(line: ArraySlice<UInt8>) {
        var rest = line
        var name: [UInt8] = []
        if rest.first == UInt8(ascii: "\"") {
            rest = rest.dropFirst()
            var isClosed = false
            var isEscaped = false
            while let byte = rest.popFirst() {
                if isEscaped {
                    name.append(byte)
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isClosed = true
                    break
                } else {
                    name.append(byte)
                }
            }
            guard isClosed, rest.isEmpty || rest.first == 0x20 else { return nil }
        } else {
            while let byte = rest.first, byte != 0x20 {
                name.append(byte)
                rest = rest.dropFirst()
            }
        }
        var isNegative = false
        if name.first == UInt8(ascii: "-") {
            isNegative = true
            name.removeFirst()
        }
        guard let text = String(validating: name, as: UTF8.self), let identifier = AccessIdentifier(text: text)
        else { return nil }
        self.init(identifier, [], isNegative: isNegative)
        Self.skipBlanks(&rest)
        while let byte = rest.first, byte != 0x20, byte != 0x09, byte != UInt8(ascii: ":") {
            guard let right = MailRights(letter: byte) else { return nil }
            self.rights.formUnion(right)
            rest = rest.dropFirst()
        }
        Self.skipBlanks(&rest)
        guard let colon = rest.popFirst() else { return }
        guard colon == UInt8(ascii: ":") else { return nil }
        // With CR, of which one at the end of a line is left out.
        for word in rest.split(whereSeparator: { [0x20, 0x09, 0x0D, UInt8(ascii: ",")].contains($0) }) {
            let word = String(decoding: word, as: UTF8.self)
            if let right = MailRights(word: word) {
                self.rights.formUnion(right)
            } else {
                self.unknownRights.append(word)
            }
        }
    }

    private static func skipBlanks(_ rest: inout ArraySlice<UInt8>) {
        while rest.first == 0x20 || rest.first == 0x09 { rest = rest.dropFirst() }
    }

    fileprivate func encode(into out: inout [UInt8]) {
        var name: [UInt8] = self.isNegative ? [UInt8(ascii: "-")] : []
        name.append(contentsOf: self.identifier.text.utf8)
        if name.contains(where: { $0 == 0x20 || $0 == 0x09 }) || name.first == UInt8(ascii: "\"") {
            out.append(UInt8(ascii: "\""))
            for byte in name {
                if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "'") {
                    out.append(UInt8(ascii: "\\"))
                }
                out.append(byte)
            }
            out.append(UInt8(ascii: "\""))
        } else {
            out.append(contentsOf: name)
        }
        out.append(0x20)
        out.append(contentsOf: self.rights.letters)
        for (index, word) in self.unknownRights.enumerated() {
            out.append(contentsOf: index == 0 ? " :".utf8 : " ".utf8)
            out.append(contentsOf: word.utf8)
        }
        out.append(0x0A)
    }
}
