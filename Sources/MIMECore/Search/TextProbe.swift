/// Asks a message's signature whether the message may have a needle.
public struct TextProbe: Sendable {
    /// Where the needle is looked for.
    public enum Scope: Sendable, Hashable {
        /// The fields of that name, in any case (HEADER).
        case header(name: [UInt8])
        /// BODY.
        case body
        /// TEXT.
        case text
    }

    private let scope: Scope
    /// What header and body must have; empty when nothing is known of that.
    private let header: [TextSignature.Gram]
    private let body: [TextSignature.Gram]

    /// Grams looked for at most: with them all there, the rest will be.
    private static let maximumGrams = 24

    public init(_ needle: SearchNeedle, in scope: Scope) {
        self.scope = scope
        let grams = Self.hashes(needle.mapped)
        var headerGrams = grams
        if case .header(let name) = scope {
            // The line in which the field is also has its name.
            var mapped: [UInt8] = []
            UnicodeCasemap.append(name, to: &mapped)
            let known = Set(grams)
            headerGrams.append(contentsOf: Self.hashes(mapped + [UInt8(ascii: ":")]).filter { !known.contains($0) })
        }
        self.body =
            scope == .body || scope == .text ? grams.prefix(Self.maximumGrams).map { TextSignature.Gram($0) } : []
        self.header =
            scope == .body
            ? []
            : headerGrams.filter { !TextSignature.boilerplate.contains($0) }.prefix(Self.maximumGrams).map {
                TextSignature.Gram($0)
            }
    }

    /// Whether there are messages that `mayMatch` can say no to.
    public var isSelective: Bool {
        switch self.scope {
        case .header: !self.header.isEmpty
        case .body: !self.body.isEmpty
        case .text: !self.header.isEmpty && !self.body.isEmpty
        }
    }

    /// `false`: the message does not match, with certainty.
    @inline(__always)
    public func mayMatch(_ signature: TextSignature.View) -> Bool {
        switch self.scope {
        case .header: Self.contains(signature.header, self.header)
        case .body: Self.contains(signature.body, self.body)
        case .text: Self.contains(signature.body, self.body) || Self.contains(signature.header, self.header)
        }
    }

    @inline(__always)
    private static func contains(_ filter: UnsafeRawBufferPointer, _ grams: [TextSignature.Gram]) -> Bool {
        // An empty filter says of no text at all that it has no gram.
        if filter.isEmpty { return grams.isEmpty }
        let bits = UInt64(filter.count) &* 8
        for gram in grams {
            let first = gram.first(of: bits)
            if filter[first >> 3] >> UInt8(first & 7) & 1 == 0 { return false }
            let second = gram.second(of: bits)
            if filter[second >> 3] >> UInt8(second & 7) & 1 == 0 { return false }
        }
        return true
    }

    /// The hashes of a text's grams, each once, those first that few texts have.
    private static func hashes(_ mapped: [UInt8]) -> [UInt32] {
        guard mapped.count > 2 else { return [] }
        var seen = Set<UInt32>()
        var found: [(hash: UInt32, rarity: Int)] = []
        for start in 0..<mapped.count - 2 {
            let octets = mapped[start..<start + 3]
            let hash = GramSet.hash(octets.reduce(0) { $0 << 8 | UInt32($1) })
            guard seen.insert(hash).inserted else { continue }
            found.append((hash, octets.reduce(0) { $0 + Self.rarity($1) }))
        }
        return found.sorted { ($0.rarity, $0.hash) > ($1.rarity, $1.hash) }.map(\.hash)
    }

    /// How rare an octet is in text, roughly.
    private static func rarity(_ octet: UInt8) -> Int {
        let common = Array(" ETAOINSRHLDCUM".utf8)
        return common.firstIndex(of: octet) ?? common.count + 8
    }
}
