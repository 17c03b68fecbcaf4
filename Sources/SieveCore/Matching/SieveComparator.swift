import MIMECore
import MailCore

/// How strings are compared (RFC 4790). Substring matches work on the canonical form.
protocol SieveComparator: Sendable {
    var name: String { get }
    /// Whether it may be used with `:contains` and `:matches`.
    var allowsSubstrings: Bool { get }
    /// A form in which equal strings have equal octets.
    func canonical(_ text: [UInt8]) -> [UInt8]
    func isEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool
    /// Whether `a` stands before `b`.
    func isLess(_ a: [UInt8], _ b: [UInt8]) -> Bool
    /// The canonical form, and for each of its octets where the character begins that it comes from. `nil`: each
    /// octet is a character and stands at its own place.
    func canonicalWithSources(_ text: [UInt8]) -> (octets: [UInt8], sources: [Int]?)
}

extension SieveComparator {
    func isLess(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        self.canonical(a).lexicographicallyPrecedes(self.canonical(b))
    }

    func canonicalWithSources(_ text: [UInt8]) -> (octets: [UInt8], sources: [Int]?) {
        (self.canonical(text), nil)
    }
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

    func isLess(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        let (first, second) = (self.canonical(a), self.canonical(b))
        // Infinity is greater than any number and equal to itself.
        guard !first.isEmpty else { return false }
        guard !second.isEmpty else { return true }
        if first.count != second.count { return first.count < second.count }
        return first.lexicographicallyPrecedes(second)
    }
}

/// `i;unicode-casemap` (RFC 5051).
struct UnicodeCasemapComparator: SieveComparator {
    let name = "i;unicode-casemap"
    let allowsSubstrings = true

    func canonical(_ text: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        UnicodeCasemap.append(text, to: &out)
        return out
    }

    func isEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool { self.canonical(a) == self.canonical(b) }

    func canonicalWithSources(_ text: [UInt8]) -> (octets: [UInt8], sources: [Int]?) {
        var octets: [UInt8] = []
        var sources: [Int] = []
        var start = 0
        while start < text.count {
            var end = start + 1
            while end < text.count, end - start < 4, text[end] & 0xC0 == 0x80 { end += 1 }
            UnicodeCasemap.append(Array(text[start..<end]), to: &octets)
            while sources.count < octets.count { sources.append(start) }
            start = end
        }
        return (octets, sources)
    }
}

extension SieveExtension {
    static let octetComparator = SieveExtension(
        capability: "comparator-i;octet", isImplicit: true, comparators: [OctetComparator()])
    static let asciiCasemapComparator = SieveExtension(
        capability: "comparator-i;ascii-casemap", isImplicit: true, comparators: [ASCIICasemapComparator()])
    static let asciiNumericComparator = SieveExtension(
        capability: "comparator-i;ascii-numeric", comparators: [ASCIINumericComparator()])
    static let unicodeCasemapComparator = SieveExtension(
        capability: "comparator-i;unicode-casemap", comparators: [UnicodeCasemapComparator()])
}
