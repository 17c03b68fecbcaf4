import MailCore

/// A language of the server's texts (RFC 5255 section 3).
public enum ServerLanguage: Hashable, Sendable, CaseIterable {
    /// English in US-ASCII, before a client has chosen (RFC 2277 section 4.5).
    case `default`
    case english

    /// The language tag.
    public var tag: StaticString {
        switch self {
        case .default: "i-default"
        case .english: "en"
        }
    }

    /// The language that the first of some language ranges with any match asks for: a range is cut from its end until a
    /// tag is left (lookup, RFC 4647 section 3.4). `default` and `*` leave the choice to the server.
    public init?(ranges: [[UInt8]]) {
        for range in ranges {
            var rest = range.map(ASCII.lowercased)[...]
            if rest.elementsEqual("default".utf8) || rest.elementsEqual("*".utf8) {
                self = .default
                return
            }
            while !rest.isEmpty {
                for language in Self.allCases
                where language.tag.withUTF8Buffer({ rest.elementsEqual($0) }) {
                    self = language
                    return
                }
                rest = rest.lastIndex(of: UInt8(ascii: "-")).map { rest[..<$0] } ?? []
                // A single letter introduces what follows it.
                if rest.count > 1, rest[rest.endIndex - 2] == UInt8(ascii: "-") { rest = rest.dropLast(2) }
            }
        }
        return nil
    }
}
