import MailCore

/// SASLprep (RFC 4013): one form for the many spellings of a name or a password.
///
/// Code points that Unicode 3.2 did not have pass, in stored texts too: RFC 4013 would refuse them there, and with them
/// every newer script and sign in a password.
public enum SASLPrep {
    /// The prepared form of a text; `nil` when it holds a character that is not allowed, or mixes directions of writing
    /// (RFC 3454 section 6). The result may be empty.
    public static func prepare(_ text: String) -> String? {
        if text.utf8.allSatisfy({ 0x20...0x7E ~= $0 }) { return text }
        let tables = Tables.shared
        var mapped = String.UnicodeScalarView()
        for scalar in text.unicodeScalars where !tables.nothing.contains(scalar.value) {
            mapped.append(tables.spaces.contains(scalar.value) ? " " : scalar)
        }
        // NFKC: canonical decomposition shows what has a compatibility one; NFC puts all together again.
        var decomposed = String.UnicodeScalarView()
        for scalar in String(mapped).canonicalDecomposition.unicodeScalars {
            guard let targets = tables.compatibility(of: scalar.value) else {
                decomposed.append(scalar)
                continue
            }
            for target in targets { if let target = Unicode.Scalar(target) { decomposed.append(target) } }
        }
        let prepared = String(decomposed).normalizedToNFC
        let scalars = prepared.unicodeScalars
        guard !scalars.contains(where: { tables.prohibited.contains($0.value) }) else { return nil }
        guard scalars.contains(where: { tables.rightToLeft.contains($0.value) }) else { return prepared }
        guard let first = scalars.first, let last = scalars.last, tables.rightToLeft.contains(first.value),
            tables.rightToLeft.contains(last.value),
            !scalars.contains(where: { tables.leftToRight.contains($0.value) })
        else { return nil }
        return prepared
    }

    /// The prepared form of a password in octets; the octets as they are when they are no UTF-8 or cannot be prepared,
    /// since a password set with another program must go on working.
    public static func prepare(password: [UInt8]) -> [UInt8] {
        if password.allSatisfy({ 0x20...0x7E ~= $0 }) { return password }
        guard let text = String(validating: password, as: UTF8.self), let prepared = Self.prepare(text),
            !prepared.isEmpty
        else { return password }
        return Array(prepared.utf8)
    }

    private struct Tables: Sendable {
        static let shared = Tables()

        let nothing = CodePoints(SASLPrepTables.nothing)
        let spaces = CodePoints(SASLPrepTables.spaces)
        let prohibited = CodePoints(SASLPrepTables.prohibited)
        let rightToLeft = CodePoints(SASLPrepTables.rightToLeft)
        let leftToRight = CodePoints(SASLPrepTables.leftToRight)
        private let targets: [UInt32: [UInt32]]

        private init() {
            var targets: [UInt32: [UInt32]] = [:]
            for word in SASLPrepTables.compatibility.split(whereSeparator: \.isWhitespace) {
                let sides = word.split(separator: "=")
                guard sides.count == 2, let range = CodePoints.range(sides[0]) else { continue }
                let first = sides[1].split(separator: "+").compactMap { UInt32($0, radix: 16) }
                for (offset, value) in range.enumerated() {
                    targets[value] = range.count == 1 ? first : first.map { $0 &+ UInt32(offset) }
                }
            }
            self.targets = targets
        }

        func compatibility(of value: UInt32) -> [UInt32]? { self.targets[value] }
    }
}

/// Ranges of code points, in order.
private struct CodePoints: Sendable {
    private let ranges: [ClosedRange<UInt32>]

    init(_ text: String) {
        self.ranges = text.split(whereSeparator: \.isWhitespace).compactMap { Self.range($0) }
    }

    static func range(_ word: Substring) -> ClosedRange<UInt32>? {
        let ends = word.split(separator: "-").compactMap { UInt32($0, radix: 16) }
        guard let first = ends.first, let last = ends.last, first <= last else { return nil }
        return first...last
    }

    func contains(_ value: UInt32) -> Bool {
        var low = 0
        var high = self.ranges.count
        while low < high {
            let middle = (low + high) / 2
            if self.ranges[middle].upperBound < value { low = middle + 1 } else { high = middle }
        }
        return low < self.ranges.count && self.ranges[low].lowerBound <= value
    }
}
