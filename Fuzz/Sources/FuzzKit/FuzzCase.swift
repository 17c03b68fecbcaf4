import Glibc

/// One subject of a fuzz executable: what `FUZZ_TARGET` in the environment names.
struct FuzzCase {
    let name: String
    let run: (FuzzInput) -> Void

    init(_ name: String, _ run: @escaping (FuzzInput) -> Void) {
        self.name = name
        self.run = run
    }

    /// The one that the environment names; the program ends when there is none of that name.
    static func chosen(among cases: [FuzzCase]) -> FuzzCase {
        let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
        if let chosen = cases.first(where: { $0.name == name }) { return chosen }
        print("FUZZ_TARGET is one of \(cases.map(\.name).joined(separator: " "))")
        exit(64)
    }
}

/// What libFuzzer made up, as targets like to take it: from the front, a piece at a time.
struct FuzzInput {
    private(set) var rest: ArraySlice<UInt8>

    init(_ octets: [UInt8]) { self.rest = octets[...] }

    init(_ data: UnsafePointer<UInt8>?, _ size: Int) {
        self.init(Array(UnsafeBufferPointer(start: data, count: data == nil ? 0 : size)))
    }

    var octets: [UInt8] { Array(self.rest) }
    var isEmpty: Bool { self.rest.isEmpty }

    /// 0 when nothing is left.
    mutating func octet() -> UInt8 { self.rest.popFirst() ?? 0 }

    mutating func number(below bound: Int) -> Int {
        let value = Int(self.octet())
        return (bound > 256 ? value << 8 | Int(self.octet()) : value) % max(1, bound)
    }

    /// The octets up to the next one of that value, which goes with them, or to the end.
    mutating func field(until end: UInt8 = 0) -> [UInt8] {
        let place = self.rest.firstIndex(of: end) ?? self.rest.endIndex
        defer { self.rest = self.rest[min(place + 1, self.rest.endIndex)...] }
        return Array(self.rest[..<place])
    }

    /// The rest in two, cut where the first octet says.
    mutating func halves() -> (first: [UInt8], second: [UInt8]) {
        let share = Int(self.octet())
        let all = self.octets
        let cut = share * all.count / 255
        return (Array(all[..<cut]), Array(all[cut...]))
    }
}
