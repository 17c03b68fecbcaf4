/// The JSON that results are kept in.
enum JSON: Sendable {
    case null
    case number(Double)
    case text(String)
    case list([JSON])
    /// In the order of the file.
    case object([(key: String, value: JSON)])

    subscript(_ key: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }

    var number: Double? { if case .number(let value) = self { value } else { nil } }
    var text: String? { if case .text(let value) = self { value } else { nil } }
    var list: [JSON] { if case .list(let values) = self { values } else { [] } }

    // MARK: Writing

    /// Lists of plain values on one line, everything else indented.
    func encode(_ indent: String = "") -> String {
        let deeper = indent + "  "
        switch self {
        case .null: return "null"
        case .number(let value):
            return value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
        case .text(let text): return Self.quoted(text)
        case .list(let values):
            if values.isEmpty { return "[]" }
            return "[\n" + values.map { deeper + $0.encode(deeper) }.joined(separator: ",\n") + "\n\(indent)]"
        case .object(let members):
            if members.allSatisfy({ $0.value.isPlain }) {
                return "{" + members.map { "\(Self.quoted($0.key)): \($0.value.encode())" }.joined(separator: ", ")
                    + "}"
            }
            let lines = members.map { "\(deeper)\(Self.quoted($0.key)): \($0.value.encode(deeper))" }
            return "{\n" + lines.joined(separator: ",\n") + "\n\(indent)}"
        }
    }

    private var isPlain: Bool {
        switch self {
        case .null, .number, .text: true
        case .list, .object: false
        }
    }

    private static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\t": out += "\\t"
            case _ where scalar.value < 0x20: out += " "
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }

    // MARK: Reading

    init(parsing text: String) throws {
        var parser = Parser(octets: Array(text.utf8))
        self = try parser.value(depth: 0)
        parser.skipSpace()
        try check(parser.position == parser.octets.count, "JSON: octets behind the value")
    }

    private struct Parser {
        let octets: [UInt8]
        var position = 0

        var next: UInt8? { self.position < self.octets.count ? self.octets[self.position] : nil }

        mutating func skipSpace() {
            while let octet = self.next, [0x20, 0x09, 0x0A, 0x0D].contains(octet) { self.position += 1 }
        }

        mutating func take(_ word: String) -> Bool {
            self.skipSpace()
            guard self.octets[self.position...].starts(with: word.utf8) else { return false }
            self.position += word.utf8.count
            return true
        }

        mutating func value(depth: Int) throws -> JSON {
            try check(depth < 32, "JSON: nested too deeply")
            if self.take("null") { return .null }
            if self.take("{") {
                var members: [(key: String, value: JSON)] = []
                while !self.take("}") {
                    if !members.isEmpty { try check(self.take(","), "JSON: no comma at \(self.position)") }
                    try check(self.take("\""), "JSON: no name at \(self.position)")
                    let key = try self.string()
                    try check(self.take(":"), "JSON: no colon at \(self.position)")
                    members.append((key, try self.value(depth: depth + 1)))
                }
                return .object(members)
            }
            if self.take("[") {
                var values: [JSON] = []
                while !self.take("]") {
                    if !values.isEmpty { try check(self.take(","), "JSON: no comma at \(self.position)") }
                    values.append(try self.value(depth: depth + 1))
                }
                return .list(values)
            }
            if self.take("\"") { return .text(try self.string()) }
            let start = self.position
            while let octet = self.next, "0123456789+-.eE".utf8.contains(octet) { self.position += 1 }
            guard let number = Double(String(decoding: self.octets[start..<self.position], as: UTF8.self)) else {
                throw LoadError("JSON: nothing that is known at \(start)")
            }
            return .number(number)
        }

        private mutating func string() throws -> String {
            var text: [UInt8] = []
            while let octet = self.next {
                self.position += 1
                if octet == UInt8(ascii: "\"") { return String(decoding: text, as: UTF8.self) }
                guard octet == UInt8(ascii: "\\") else {
                    text.append(octet)
                    continue
                }
                guard let escaped = self.next else { break }
                self.position += 1
                switch escaped {
                case UInt8(ascii: "n"): text.append(0x0A)
                case UInt8(ascii: "t"): text.append(0x09)
                case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(escaped)
                default: throw LoadError("JSON: an escape that is not used here")
                }
            }
            throw LoadError("JSON: a string without end")
        }
    }
}
