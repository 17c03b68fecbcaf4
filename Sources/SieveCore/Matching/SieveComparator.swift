import MailCore

/// How strings are compared (RFC 4790). Substring matches work on the canonical form.
protocol SieveComparator: Sendable {
    var name: String { get }
    /// Whether it may be used with `:contains` and `:matches`.
    var allowsSubstrings: Bool { get }
    /// A form in which equal strings have equal octets.
    func canonical(_ text: [UInt8]) -> [UInt8]
    func isEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool
}

/// `i;octet` (RFC 4790 section 9.3).
struct OctetComparator: SieveComparator {
    let name = "i;octet"
    let allowsSubstrings = true

    func canonical(_ text: [UInt8]) -> [UInt8] { text }
    func isEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool { a == b }
}

/// `i;ascii-casemap` (RFC 4790 section 9.2): the default.
struct ASCIICasemapComparator: SieveComparator {
    let name = "i;ascii-casemap"
    let allowsSubstrings = true

    func canonical(_ text: [UInt8]) -> [UInt8] { text.map(ASCII.uppercased) }
    func isEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool { ASCII.equalsIgnoringCase(a, b) }
}

/// `i;ascii-numeric` (RFC 4790 section 9.1): digits up to the first other octet, as a number of any size; what
/// begins with no digit is infinite.
struct ASCIINumericComparator: SieveComparator {
    let name = "i;ascii-numeric"
    let allowsSubstrings = false

    /// The digits without leading zeroes; of zero a single one; empty: infinite.
    func canonical(_ text: [UInt8]) -> [UInt8] {
        let digits = text.prefix(while: ASCII.isDigit)
        guard !digits.isEmpty else { return [] }
        let significant = digits.drop { $0 == UInt8(ascii: "0") }
        return significant.isEmpty ? [UInt8(ascii: "0")] : Array(significant)
    }

    func isEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool { self.canonical(a) == self.canonical(b) }
}

extension SieveExtension {
    static let octetComparator = SieveExtension(
        capability: "comparator-i;octet", isImplicit: true, comparators: [OctetComparator()])
    static let asciiCasemapComparator = SieveExtension(
        capability: "comparator-i;ascii-casemap", isImplicit: true, comparators: [ASCIICasemapComparator()])
    static let asciiNumericComparator = SieveExtension(
        capability: "comparator-i;ascii-numeric", comparators: [ASCIINumericComparator()])
}
