internal import MailCore

/// Text with variables, such as `/var/vmail/%{user | domain | lower}/%{user | username}`.
///
/// Pure: the values come from a closure when it is expanded. A text that came through the schema is in this
/// form already; the letters of older configurations (`%d`, `%Ln`) are turned into it by `parse`.
public struct Expansion: Sendable, Equatable {
    /// What is wrong with a text, in words for administrators.
    public struct Problem: Error, Sendable, Equatable {
        public let text: String
    }

    /// The longest result in octets; what is beyond is cut off.
    public static let maximumLength = 65536

    /// The variables that have a meaning somewhere; also `passdb:NAME` and `userdb:NAME`.
    public static let variables = [
        "user", "login_user", "home", "uid", "gid", "service", "protocol", "hostname", "local_ip",
        "remote_ip",
        "password", "session", "uidvalidity", "guid", "filename", "percentage", "usage", "limit", "resource",
    ]

    enum Part: Sendable, Equatable {
        case literal(String)
        case variable(String, [Filter])
    }

    enum Filter: Sendable, Equatable {
        case lower, upper, username, domain, reverse
        /// Hexadecimal digits of a decimal number, at least `width`.
        case hex(width: Int)
        /// What stands in for an empty value.
        case text(String)
        case variable(String)
        /// `length` nil is up to the end.
        case substring(start: Int, length: Int?)
    }

    var parts: [Part]

    /// The form in which a text without mistakes is kept.
    public var text: String { self.parts.map(Self.write).joined() }

    /// The text with each variable replaced by what `value` answers for its name; nothing for `nil`.
    public func expand(_ value: (String) -> String?) -> String {
        var out = ""
        for part in self.parts {
            switch part {
            case .literal(let text): out += text
            case .variable(let name, let filters):
                var current = value(name) ?? ""
                for filter in filters { current = Self.apply(filter, to: current, value) }
                out += current
            }
            if out.utf8.count > Self.maximumLength {
                return String(decoding: out.utf8.prefix(Self.maximumLength), as: UTF8.self)
            }
        }
        return out
    }

    /// `text` expanded; unchanged when it is not an expansion. For texts that the schema has checked.
    public static func expand(_ text: String, _ value: (String) -> String?) -> String {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return text }
        switch self.parse(text) {
        case .success(let expansion): return expansion.expand(value)
        case .failure: return text
        }
    }

    private static func apply(_ filter: Filter, to text: String, _ value: (String) -> String?) -> String {
        switch filter {
        case .lower: return SettingSyntax.lowercased(text)
        case .upper: return String(decoding: text.utf8.map(ASCII.uppercased), as: UTF8.self)
        case .username: return String(text.prefix { $0 != "@" })
        case .domain:
            guard let at = text.lastIndex(of: "@") else { return "" }
            return String(text[text.index(after: at)...])
        case .reverse: return String(text.reversed())
        case .hex(let width):
            guard let number = UInt64(text) else { return text }
            let digits = String(number, radix: 16)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        case .text(let fallback): return text.isEmpty ? fallback : text
        case .variable(let name): return text.isEmpty ? value(name) ?? "" : text
        case .substring(let start, let length):
            let rest = start >= 0 ? text.dropFirst(start) : text.suffix(-start)
            return String(length.map { rest.prefix($0) } ?? rest)
        }
    }

    private static func write(_ part: Part) -> String {
        switch part {
        case .literal(let text):
            return text.split(separator: "%", omittingEmptySubsequences: false).joined(separator: "%%")
        case .variable(let name, let filters):
            return "%{" + ([name] + filters.map(self.write)).joined(separator: " | ") + "}"
        }
    }

    private static func write(_ filter: Filter) -> String {
        switch filter {
        case .lower: "lower"
        case .upper: "upper"
        case .username: "username"
        case .domain: "domain"
        case .reverse: "reverse"
        case .hex(let width): "hex(\(width))"
        case .text(let text): "default('\(text)')"
        case .variable(let name): "default(\(name))"
        case .substring(let start, let length?): "substr(\(start), \(length))"
        case .substring(let start, nil): "substr(\(start))"
        }
    }
}
