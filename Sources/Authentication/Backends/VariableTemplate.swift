/// A text with variables such as `%{user}`, `%{user | username}` or the short `%u %n %d`.
///
/// Short forms take Dovecot's modifiers: `L` and `U` for case, `N` or `O.N` for N characters from O (`%1Ln`).
/// Filters of the long form: `username`, `domain`, `lower`, `upper`, `substr(O, N)`.
public struct VariableTemplate: Hashable, Sendable {
    public struct ParseError: Error, Hashable, Sendable {
        /// What is wrong, for the administrator.
        public let text: String
    }

    private enum Variable: Hashable {
        case user, username, domain, service, remoteAddress, localAddress, session, home
    }

    private enum Filter: Hashable {
        case username, domain, lower, upper
        case substring(offset: Int, length: Int)
    }

    private enum Part: Hashable {
        case text(String)
        case variable(Variable, [Filter])
    }

    private var parts: [Part] = []

    public init(_ text: String) throws(ParseError) {
        var literal = ""
        var rest = Substring(text)
        while let percent = rest.firstIndex(of: "%") {
            literal += rest[..<percent]
            rest = rest[rest.index(after: percent)...]
            if rest.first == "%" {
                literal.append("%")
                rest = rest.dropFirst()
                continue
            }
            let part =
                rest.first == "{" ? try Self.parseLong(&rest) : try Self.parseShort(&rest)
            if !literal.isEmpty { self.parts.append(.text(literal)) }
            literal = ""
            self.parts.append(part)
        }
        literal += rest
        if !literal.isEmpty { self.parts.append(.text(literal)) }
    }

    /// Whether the text differs from user to user.
    public var hasVariables: Bool {
        self.parts.contains { if case .variable = $0 { true } else { false } }
    }

    /// The text for one query.
    public func expand(_ query: AuthQuery, home: String? = nil) -> String {
        var text = ""
        for part in self.parts {
            switch part {
            case .text(let literal): text += literal
            case .variable(let variable, let filters):
                text += Self.value(variable, filters, query, home)
            }
        }
        return text
    }

    /// The text as a path: `nil` when a variable's value holds `/` or NUL, or is `.` or `..`, so that a user's
    /// name cannot lead out of the directory that was meant. `home` may hold `/`.
    public func expandPath(_ query: AuthQuery, home: String? = nil) -> String? {
        var text = ""
        for part in self.parts {
            switch part {
            case .text(let literal): text += literal
            case .variable(let variable, let filters):
                let value = Self.value(variable, filters, query, home)
                if variable != .home {
                    guard !value.utf8.contains(UInt8(ascii: "/")), !value.utf8.contains(0), value != ".",
                        value != ".."
                    else { return nil }
                }
                text += value
            }
        }
        return text
    }

    private static func value(
        _ variable: Variable, _ filters: [Filter], _ query: AuthQuery, _ home: String?
    ) -> String {
        var value: String
        switch variable {
        case .user: value = query.user
        case .username: value = self.apply(.username, query.user)
        case .domain: value = self.apply(.domain, query.user)
        case .service: value = query.request.service
        case .remoteAddress: value = query.request.remoteAddress ?? ""
        case .localAddress: value = query.request.localAddress ?? ""
        case .session: value = query.request.session ?? ""
        case .home: value = home ?? ""
        }
        for filter in filters { value = self.apply(filter, value) }
        return value
    }

    private static func apply(_ filter: Filter, _ value: String) -> String {
        switch filter {
        case .username: return String(value.prefix { $0 != "@" })
        case .domain:
            guard let at = value.firstIndex(of: "@") else { return "" }
            return String(value[value.index(after: at)...])
        case .lower: return value.lowercased()
        case .upper: return value.uppercased()
        case .substring(let offset, let length): return String(value.dropFirst(offset).prefix(length))
        }
    }

    private static func parseShort(_ rest: inout Substring) throws(ParseError) -> Part {
        var filters: [Filter] = []
        func number() throws(ParseError) -> Int? {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(digits.count)
            guard digits.count <= 4 else { throw ParseError(text: "%\(digits) is too long") }
            return Int(digits)
        }
        if let first = try number() {
            if rest.first == "." {
                rest = rest.dropFirst()
                guard let length = try number() else {
                    throw ParseError(text: "length missing after \"%\(first).\"")
                }
                filters.append(.substring(offset: first, length: length))
            } else {
                filters.append(.substring(offset: 0, length: first))
            }
        }
        while let letter = rest.popFirst() {
            switch letter {
            case "L": filters.append(.lower)
            case "U": filters.append(.upper)
            case "u": return .variable(.user, filters)
            case "n": return .variable(.username, filters)
            case "d": return .variable(.domain, filters)
            case "s": return .variable(.service, filters)
            case "r": return .variable(.remoteAddress, filters)
            case "l": return .variable(.localAddress, filters)
            case "h": return .variable(.home, filters)
            default: throw ParseError(text: "unknown variable %\(letter)")
            }
        }
        throw ParseError(text: "% at the end; write %% for a percent sign")
    }

    private static func parseLong(_ rest: inout Substring) throws(ParseError) -> Part {
        guard let end = rest.firstIndex(of: "}") else { throw ParseError(text: "%{ without }") }
        let inside = rest[rest.index(after: rest.startIndex)..<end]
        rest = rest[rest.index(after: end)...]
        var steps = inside.split(separator: "|", omittingEmptySubsequences: false).map(Self.trim)
        let name = steps.removeFirst()
        let variable: Variable
        switch name {
        case "user": variable = .user
        case "username": variable = .username
        case "domain": variable = .domain
        case "service", "protocol": variable = .service
        case "remote_ip", "rip": variable = .remoteAddress
        case "local_ip", "lip": variable = .localAddress
        case "session": variable = .session
        case "home": variable = .home
        default: throw ParseError(text: "unknown variable %{\(name)}")
        }
        var filters: [Filter] = []
        for step in steps {
            switch step {
            case "username": filters.append(.username)
            case "domain": filters.append(.domain)
            case "lower": filters.append(.lower)
            case "upper": filters.append(.upper)
            default: filters.append(try Self.parseSubstring(step))
            }
        }
        return .variable(variable, filters)
    }

    private static func parseSubstring(_ step: Substring) throws(ParseError) -> Filter {
        guard step.hasPrefix("substr("), step.hasSuffix(")") else {
            throw ParseError(text: "unknown filter \"\(step)\"")
        }
        let numbers = step.dropFirst(7).dropLast().split(separator: ",").map { Int(Self.trim($0)) }
        guard numbers.count == 2, let offset = numbers[0], let length = numbers[1],
            (0...9999).contains(offset), (0...9999).contains(length)
        else { throw ParseError(text: "substr needs an offset and a length") }
        return .substring(offset: offset, length: length)
    }

    private static func trim(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " }
        while text.last == " " { text.removeLast() }
        return text
    }
}
