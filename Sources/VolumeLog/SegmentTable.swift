/// The segment files of a log, in order, and those waiting for reuse.
struct SegmentTable {
    struct Segment {
        var number: UInt32
        var firstSequence: UInt64
        /// `SegmentHeader.previous`; nil if the header is damaged.
        var previous: UInt32?
    }

    struct Spare {
        var name: String
        var size: Int
    }

    /// Ascending in number and first sequence number. The last one is written to.
    var segments: [Segment] = []
    /// Where the last segment's records end.
    var tail = SegmentHeader.size
    var nextSequence: UInt64 = 1
    /// Whether numbers below `nextSequence` are left out that no segment's beginning tells of yet.
    var hasGapAtEnd = false
    var spares: [Spare] = []
    var nextSpare: UInt32 = 1
    /// How many mapped payloads there are of segments.
    var pins: [UInt32: Int] = [:]
    /// Records whose blocks are being given back: nobody may map them any more.
    var punched = Set<RecordLocation>()
    private var open: [UInt32: (file: SegmentFile, lastUse: UInt64)] = [:]
    private var uses: UInt64 = 0

    func index(of number: UInt32) -> Int? {
        let index = self.lowerBound(number)
        return index < self.segments.count && self.segments[index].number == number ? index : nil
    }

    private func lowerBound(_ number: UInt32) -> Int {
        var (low, high) = (0, self.segments.count)
        while low < high {
            let middle = (low + high) / 2
            if self.segments[middle].number < number { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Index of the segment that holds `sequence`, or of the first one if all are above it.
    func index(holding sequence: UInt64) -> Int {
        var (low, high) = (0, self.segments.count)
        while low < high {
            let middle = (low + high) / 2
            if self.segments[middle].firstSequence <= sequence { low = middle + 1 } else { high = middle }
        }
        return max(0, low - 1)
    }

    /// Number above that of the last record in the segment at `index`, if it is known.
    ///
    /// It is not when the next segment has been recycled, nor behind the last record when numbers are left out.
    func bound(at index: Int) -> UInt64? {
        guard index + 1 < self.segments.count else { return self.hasGapAtEnd ? nil : self.nextSequence }
        let (this, next) = (self.segments[index], self.segments[index + 1])
        return next.number == this.number + 1 ? next.firstSequence : nil
    }

    mutating func openFile(_ number: UInt32) -> SegmentFile? {
        self.uses += 1
        self.open[number]?.lastUse = self.uses
        return self.open[number]?.file
    }

    /// Keeps `file` open; closes the one that was not used for longest when there are too many.
    mutating func keep(_ file: SegmentFile, limit: Int) {
        self.uses += 1
        if self.open.count >= max(1, limit),
            let oldest = self.open.min(by: { $0.value.lastUse < $1.value.lastUse })
        {
            self.open[oldest.key] = nil
        }
        self.open[file.number] = (file, self.uses)
    }

    mutating func forget(_ number: UInt32) { self.open[number] = nil }

    mutating func takeSpareName() -> String {
        defer { self.nextSpare &+= 1 }
        return FileName.spare(self.nextSpare)
    }
}

/// Names of the files in a log's directory.
enum FileName {
    static func hexadecimal(_ number: UInt32) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }

    static func segment(_ number: UInt32) -> String { FileName.hexadecimal(number) + ".segment" }
    static func holes(_ number: UInt32) -> String { FileName.hexadecimal(number) + ".holes" }
    static func spare(_ number: UInt32) -> String { "spare-" + FileName.hexadecimal(number) }
    static func damaged(_ number: UInt32) -> String { "damaged-" + FileName.hexadecimal(number) }

    static func cut(_ number: UInt32) -> String { "cut-" + FileName.hexadecimal(number) }

    enum Meaning {
        case segment(UInt32)
        case spare(UInt32)
        case unfinishedSpare
        case other
    }

    static func meaning(_ name: String) -> Meaning {
        if name.hasSuffix(".segment"), let number = FileName.number(name.dropLast(8)) {
            return .segment(number)
        }
        guard name.hasPrefix("spare-") else { return .other }
        if name.hasSuffix(".new") { return .unfinishedSpare }
        return FileName.number(name.dropFirst(6)).map { .spare($0) } ?? .other
    }

    private static func number(_ text: Substring) -> UInt32? {
        guard text.utf8.count == 8, let number = UInt32(text, radix: 16) else { return nil }
        // The log stops before the numbers run out, so these are not its own.
        return number > 0 && number < .max ? number : nil
    }
}
