import MailCore

/// Turns text in a named charset into UTF-8.
///
/// The built-in charsets are UTF-8, US-ASCII, ISO-8859-1 to -16, windows-1250 to -1258 and KOI8-R and -U.
/// Others go to `fallback`, through which a target that may use iconv lends it.
public struct CharsetConverter: Sendable {
    /// Octets and a charset's name in lower case -> UTF-8, or `nil` for an unknown charset.
    public typealias Fallback = @Sendable (_ octets: [UInt8], _ charset: [UInt8]) -> [UInt8]?

    private let fallback: Fallback?

    public static let builtIn = CharsetConverter(fallback: nil)

    public init(fallback: Fallback?) { self.fallback = fallback }

    /// Whether text in this charset can be converted without guessing.
    public func knows(_ charset: [UInt8]) -> Bool { self.convert([], charset: charset) != nil }

    /// The text as UTF-8, or `nil` for an unknown charset. Octets without a meaning become U+FFFD.
    public func convert(_ octets: [UInt8], charset: [UInt8]) -> [UInt8]? {
        // RFC 2231 section 5 lets a language follow the name in an encoded word.
        let name = charset.prefix { $0 != UInt8(ascii: "*") }.map(ASCII.lowercased)
        switch Self.kind(of: name) {
        case .utf8:
            return octets.withUnsafeBytes { bytes in
                let text = Octets(bytes)
                if UTF8Text.isValid(text) { return octets }
                var out: [UInt8] = []
                UTF8Text.appendRepaired(text, to: &out)
                return out
            }
        case .latin1:
            // What calls itself ISO-8859-1 is windows-1252 where they differ, in all real mail.
            return Self.windows1252(octets)
        case .other:
            if let table = CharsetTables.upperHalves[name] { return Self.map(octets, table) }
            return self.fallback?(octets, name)
        }
    }

    /// The text as UTF-8, whatever the charset: of an unknown one what is valid UTF-8 stays and other
    /// octets are read as windows-1252.
    public func utf8(_ octets: [UInt8], charset: [UInt8]) -> [UInt8] {
        let kind = Self.kind(of: charset.map(ASCII.lowercased))
        if kind != .other, Self.isPlain(octets) { return octets }
        if kind == .utf8 { return UTF8Text.isValid(octets) ? octets : Self.windows1252(octets) }
        if let text = self.convert(octets, charset: charset) { return text }
        return UTF8Text.isValid(octets) ? octets : Self.windows1252(octets)
    }

    /// Whether octets are ASCII, without the ESC by which some charsets change what follows.
    private static func isPlain(_ octets: [UInt8]) -> Bool {
        octets.withUnsafeBytes { $0.endOfASCII(from: 0) == $0.count && $0.firstIndex(of: 0x1B, from: 0) == nil }
    }

    /// Whether octets are text in a charset that is known.
    func understands(_ octets: [UInt8], charset: [UInt8]) -> Bool {
        switch Self.kind(of: charset.map(ASCII.lowercased)) {
        case .utf8: return UTF8Text.isValid(octets)
        case .latin1: return true
        case .other:
            guard let text = self.convert(octets, charset: charset) else { return false }
            // U+FFFD stands for what means nothing.
            return !text.indices.contains { text[$0...].starts(with: [0xEF, 0xBF, 0xBD]) }
        }
    }

    private static let windows1252Half = CharsetTables.upperHalves[Array("windows-1252".utf8)] ?? []

    private static func windows1252(_ octets: [UInt8]) -> [UInt8] { Self.map(octets, Self.windows1252Half) }

    private enum Kind { case utf8, latin1, other }

    private static func kind(of name: [UInt8]) -> Kind {
        name.withUnsafeBytes { bytes in
            let name = Octets(bytes)
            if name.isEmpty || name.equals(lowercase: "utf-8") || name.equals(lowercase: "us-ascii")
                || name.equals(lowercase: "utf8") || name.equals(lowercase: "ascii")
            {
                return .utf8
            }
            if name.equals(lowercase: "iso-8859-1") || name.equals(lowercase: "latin1")
                || name.equals(lowercase: "iso8859-1") || name.equals(lowercase: "iso_8859-1")
            {
                return .latin1
            }
            return .other
        }
    }

    private static func map(_ octets: [UInt8], _ upperHalf: [UInt16]) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(octets.count + octets.count / 8)
        for byte in octets {
            if byte < 0x80 {
                out.append(byte)
            } else {
                let index = Int(byte) - 0x80
                UTF8Text.append(index < upperHalf.count ? UInt32(upperHalf[index]) : 0xFFFD, to: &out)
            }
        }
        return out
    }
}
