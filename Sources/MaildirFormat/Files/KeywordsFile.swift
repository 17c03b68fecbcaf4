import MailCore

/// `dovecot-keywords` in memory: which keyword the letters `a` to `z` in a mailbox's file names stand for.
///
/// Rows `<0..25> <name>`, 0 for `a`. A keyword without a letter lives in the index alone.
struct KeywordsFile: Equatable {
    static let capacity = 26

    /// By number; `nil` is free. Names that are no keywords keep their number too.
    private(set) var names: [String?] = Array(repeating: nil, count: capacity)

    init() {}

    /// Reads a file. Rows without a blank, with a number over 25, an empty name or a name that another letter
    /// has are skipped; of two rows for a letter the later one stays.
    init(_ text: [UInt8]) {
        for line in text.split(separator: 0x0A) {
            let parsed: (Int, String)? = line.withUnsafeBytes { bytes in
                var reader = DecimalReader(bytes)
                guard let number = reader.next(), number < Self.capacity, reader.skip(0x20),
                    reader.offset < bytes.count
                else { return nil }
                return (Int(number), String(decoding: bytes[reader.offset...], as: UTF8.self))
            }
            guard let (number, name) = parsed, self.number(ofName: name).map({ $0 == number }) ?? true else {
                continue
            }
            self.names[number] = name
        }
    }

    /// The letter's number for a keyword.
    func number(of keyword: Keyword) -> Int? { self.number(ofName: keyword.name) }

    private func number(ofName name: String) -> Int? {
        self.names.firstIndex { held in
            guard let held else { return false }
            return ASCII.equalsIgnoringCase(held.utf8, name.utf8)
        }
    }

    /// The keyword of a letter's number.
    func keyword(_ number: Int) -> Keyword? {
        guard self.names.indices.contains(number) else { return nil }
        return self.names[number].flatMap { Keyword($0) }
    }

    /// Gives a keyword the first free letter; `nil` when there is none.
    mutating func add(_ keyword: Keyword) -> Int? {
        if let known = self.number(of: keyword) { return known }
        guard let free = self.names.firstIndex(of: nil) else { return nil }
        self.names[free] = keyword.name
        return free
    }

    /// Names each letter of `letters` that has no name, as Dovecot does: `unknown-<number>`.
    mutating func nameUnknown(_ letters: UInt32) {
        for number in 0..<Self.capacity where letters >> UInt32(number) & 1 == 1 && self.names[number] == nil {
            self.names[number] = "unknown-\(number)"
        }
    }

    /// The letters whose names are keywords.
    var knownLetters: UInt32 {
        var bits: UInt32 = 0
        for number in 0..<Self.capacity where self.keyword(number) != nil { bits |= 1 << UInt32(number) }
        return bits
    }

    /// The keywords of a file name's letters.
    func keywords(_ letters: UInt32) -> [Keyword] {
        var out: [Keyword] = []
        var bits = letters
        while bits != 0 {
            if let keyword = self.keyword(bits.trailingZeroBitCount) { out.append(keyword) }
            bits &= bits - 1
        }
        return out
    }

    /// The letters of those keywords that have one.
    func letters(_ keywords: [Keyword]) -> UInt32 {
        var bits: UInt32 = 0
        for keyword in keywords {
            if let number = self.number(of: keyword) { bits |= 1 << UInt32(number) }
        }
        return bits
    }

    func encoded() -> [UInt8] {
        var out: [UInt8] = []
        for (number, name) in self.names.enumerated() {
            if let name { out.append(contentsOf: "\(number) \(name)\n".utf8) }
        }
        return out
    }
}
