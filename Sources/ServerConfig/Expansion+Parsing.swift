internal import MailCore

extension Expansion {
    /// What `%u` means, which differs from setting to setting in older configurations.
    public enum Letters: Sendable {
        /// `%u` is the user.
        case user
        /// As `user`, where a login or a user is looked up: only what is known of one by then has a value.
        case lookup
        /// `%u` is the UID, `%v` the UIDVALIDITY: POP3's unique-ids.
        case message
    }

    /// Reads a text; says what is wrong with the first part that means nothing.
    public static func parse(_ text: String, letters: Letters = .user) -> Result<Expansion, Problem> {
        var parser = Parser(rest: text[...], letters: letters)
        do throws(Problem) {
            let expansion = Expansion(parts: try parser.parts())
            if case .lookup = letters { try expansion.checkForLookup() }
            return .success(expansion)
        } catch {
            return .failure(error)
        }
    }
}

extension Expansion {
    private static let lookupVariables = [
        "user", "service", "protocol", "remote_ip", "local_ip", "session", "home",
    ]

    private func checkForLookup() throws(Problem) {
        for case .variable(let name, let filters) in self.parts {
            guard Self.lookupVariables.contains(name) else {
                throw Problem(
                    text: "%{\(name)} is not known when a user is looked up; known are "
                        + Self.lookupVariables.joined(separator: ", "))
            }
            for filter in filters {
                switch filter {
                case .lower, .upper, .username, .domain: continue
                case .substring(let start, .some) where (0...9999).contains(start): continue
                case .substring, .reverse, .hex, .text, .variable:
                    throw Problem(
                        text: "here the filters are lower, upper, username, domain and substr(START, LENGTH)")
                }
            }
        }
    }
}

private struct Parser {
    var rest: Substring
    let letters: Expansion.Letters

    mutating func parts() throws(Expansion.Problem) -> [Expansion.Part] {
        var parts: [Expansion.Part] = []
        var literal = ""
        while let character = self.rest.popFirst() {
            guard character == "%" else {
                literal.append(character)
                continue
            }
            if self.rest.first == "%" {
                self.rest.removeFirst()
                literal.append("%")
                continue
            }
            if !literal.isEmpty { parts.append(.literal(literal)) }
            literal = ""
            parts.append(try self.variable())
        }
        if !literal.isEmpty { parts.append(.literal(literal)) }
        return parts
    }

    /// After the `%`.
    private mutating func variable() throws(Expansion.Problem) -> Expansion.Part {
        var filters: [Expansion.Filter] = []
        var start: Int?
        var width: Int?
        let digits = self.number()
        if self.rest.first == "." {
            self.rest.removeFirst()
            start = digits
            width = self.number()
        } else {
            width = digits
        }
        var hexadecimal = false
        while let modifier = self.rest.first, "LURXTHMENS".contains(modifier) {
            self.rest.removeFirst()
            switch modifier {
            case "L": filters.append(.lower)
            case "U": filters.append(.upper)
            case "R": filters.append(.reverse)
            case "X": hexadecimal = true
            default: throw .init(text: "the modifier %\(modifier) does not exist; write %{name | filter}")
            }
        }
        guard let letter = self.rest.popFirst() else {
            throw .init(text: "a lone % at the end; write %% for a percent sign")
        }
        let named: (String, [Expansion.Filter])
        if letter == "{" {
            guard let end = self.rest.firstIndex(of: "}") else { throw .init(text: "%{ without a }") }
            let inner = self.rest[..<end]
            self.rest = self.rest[self.rest.index(after: end)...]
            named = try Self.named(inner)
        } else {
            named = try self.lettered(letter)
        }
        if hexadecimal {
            filters.append(.hex(width: min(width ?? 1, 32)))
        } else if start != nil || width != nil {
            filters.append(.substring(start: start ?? 0, length: width))
        }
        return .variable(named.0, named.1 + filters)
    }

    private mutating func number() -> Int? {
        let digits = self.rest.prefix { $0.isASCII && $0.isNumber }
        self.rest = self.rest.dropFirst(digits.count)
        // No text is longer, and `substr` takes no more.
        return digits.isEmpty ? nil : min(Int(digits) ?? .max, 65536)
    }

    private func lettered(_ letter: Character) throws(Expansion.Problem) -> (String, [Expansion.Filter]) {
        if case .message = self.letters {
            switch letter {
            case "u": return ("uid", [])
            case "v": return ("uidvalidity", [])
            case "f": return ("filename", [])
            case "g": return ("guid", [])
            default: break
            }
        }
        switch letter {
        case "u": return ("user", [])
        case "n": return ("user", [.username])
        case "d": return ("user", [.domain])
        case "h": return ("home", [])
        case "s": return ("protocol", [])
        case "r": return ("remote_ip", [])
        case "l": return ("local_ip", [])
        case "w": return ("password", [])
        case "i": return ("uid", [])
        case " ": throw .init(text: "a lone %; write %% for a percent sign")
        default: throw .init(text: "%\(letter) means nothing; write %{name}, or %% for a percent sign")
        }
    }

    /// Between the braces.
    private static func named(_ inner: Substring) throws(Expansion.Problem) -> (String, [Expansion.Filter]) {
        var pieces = inner.split(separator: "|", omittingEmptySubsequences: false).map { self.trimmed($0) }
        guard let name = pieces.first, !name.isEmpty else { throw .init(text: "%{} names no variable") }
        pieces.removeFirst()
        var result = try self.variableName(String(name))
        for piece in pieces { result.1.append(try self.filter(piece)) }
        return result
    }

    private static func variableName(_ name: String) throws(Expansion.Problem) -> (String, [Expansion.Filter]) {
        switch name {
        case "username": return ("user", [.username])
        case "domain": return ("user", [.domain])
        case "rip": return ("remote_ip", [])
        case "lip": return ("local_ip", [])
        case "owner_user": return ("user", [])
        default: break
        }
        let hasSource = name.hasPrefix("passdb:") || name.hasPrefix("userdb:")
        if hasSource || Expansion.variables.contains(name) { return (name, []) }
        let near = Spelling.nearest(to: name, among: Expansion.variables)
        throw .init(
            text: "%{\(name)} is unknown; "
                + (near.map { "did you mean %{\($0)}?" }
                    ?? "known are \(Expansion.variables.joined(separator: ", "))"))
    }

    private static let filters = [
        "lower", "upper", "username", "domain", "domain_first", "domain_last", "reverse", "hex", "default",
        "substr",
    ]

    private static func filter(_ piece: Substring) throws(Expansion.Problem) -> Expansion.Filter {
        var name = piece
        var arguments: [Substring] = []
        if let open = piece.firstIndex(of: "("), piece.last == ")" {
            name = self.trimmed(piece[..<open])
            arguments = piece[piece.index(after: open)...].dropLast().split(separator: ",").map {
                self.trimmed($0)
            }
        }
        switch name {
        case "lower": return .lower
        case "upper": return .upper
        case "username": return .username
        case "domain", "domain_first", "domain_last": return .domain
        case "reverse": return .reverse
        case "hex":
            guard let width = arguments.isEmpty ? 1 : Int(arguments[0]), (0...32).contains(width) else {
                throw .init(text: "hex() takes a width up to 32")
            }
            return .hex(width: width)
        case "default":
            guard let argument = arguments.first else { return .text("") }
            if let quote = argument.first, quote == "'" || quote == "\"" {
                guard argument.count > 1, argument.last == quote else {
                    throw .init(text: "default() has an unended quote")
                }
                return .text(String(argument.dropFirst().dropLast()))
            }
            let variable = try self.variableName(String(argument))
            return .variable(variable.0)
        case "substr":
            guard let first = arguments.first, let start = Int(first), abs(start) <= 65536 else {
                throw .init(text: "substr() takes a start and a length")
            }
            guard arguments.count > 1 else { return .substring(start: start, length: nil) }
            guard let length = Int(arguments[1]), (0...65536).contains(length) else {
                throw .init(text: "substr() takes a start and a length")
            }
            return .substring(start: start, length: length)
        default:
            let near = Spelling.nearest(to: String(name), among: self.filters)
            throw .init(
                text: "the filter \"\(name)\" is unknown; "
                    + (near.map { "did you mean \($0)?" }
                        ?? "known are \(self.filters.joined(separator: ", "))"))
        }
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while text.first == " " || text.first == "\t" { text.removeFirst() }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }
}
