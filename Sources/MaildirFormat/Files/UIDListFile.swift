import MailCore

/// `dovecot-uidlist` in memory: which file name has which UID.
///
/// Version 3 has a header `3 V<uidvalidity> N<next uid> G<guid>` and rows `<uid> [<key><value> ...] :<name>`;
/// version 1 (also Courier's `courierimapuiddb`) `1 <uidvalidity> <next uid>` and rows `<uid> <name>`.
/// Reading never fails: what is broken is left out and told in `repairs`.
struct UIDListFile {
    /// One file's row; ranges point into `text`.
    struct Row: Equatable {
        var uid: UInt32
        /// The keys with their values, without blanks around; empty in most rows.
        var extras: Range<Int>
        /// The base name.
        var name: Range<Int>
    }

    /// What was wrong with the file.
    enum Repair: Hashable {
        /// No usable header.
        case header
        /// Rows that are no rows.
        case garbage(Int)
        /// Rows out of order were sorted.
        case unordered
        /// A UID that several names claim; all of them lose it.
        case ambiguousUID(UInt32)
        /// The last line has no end.
        case torn
        /// Rows beyond `maximumRows`.
        case tooMany(Int)
    }

    /// Rows that are read: more than a file of the size that is read can have of names that programs make. Each takes
    /// many times the four octets of the shortest one.
    static let maximumRows = 10_000_000

    private(set) var text: [UInt8]
    /// Of the format, 3 for a file yet to be made; `nil` when the header tells none.
    private(set) var version: Int?
    /// 0: unknown.
    var uidValidity: UInt32 = 0
    /// N of the header, 0 when unknown; see `realNext`.
    var next: UInt32 = 0
    /// 32 hexadecimal digits, or `nil`.
    var guid: String?
    /// Header fields of other keys, key included.
    private(set) var otherFields: [[UInt8]] = []
    /// Ascending by UID, each UID and each name once.
    private(set) var rows: [Row] = []
    private(set) var repairs: [Repair] = []

    /// An empty list.
    init() {
        self.text = []
        self.version = 3
    }

    /// Reads a file.
    /// - Parameter limit: rows from which on only the UIDs are looked at, so that none of them is given again.
    /// - Parameter exists: whether a base name has a file; settles which of several names keeps a UID.
    init(
        _ text: [UInt8], limit: Int = maximumRows, exists: (UnsafeRawBufferPointer) -> Bool = { _ in true }
    ) {
        self.text = text
        var parsed: [Row] = []
        text.withUnsafeBytes { bytes in
            var position = 0
            let first = Self.line(bytes, 0)
            if self.readHeader(UnsafeRawBufferPointer(rebasing: bytes[first])) {
                position = first.upperBound + 1
            } else {
                self.repairs.append(.header)
            }
            parsed.reserveCapacity(bytes.count / 80)
            var garbage = 0
            var excess = 0
            var ascending = true
            while position < bytes.count {
                let line = Self.line(bytes, position)
                position = line.upperBound + 1
                if let row = self.readRow(bytes, line) {
                    if parsed.count >= limit {
                        excess += 1
                        self.next = max(self.next, row.uid + 1)
                        continue
                    }
                    if let last = parsed.last, last.uid >= row.uid { ascending = false }
                    parsed.append(row)
                } else {
                    garbage += 1
                }
            }
            if let last = bytes.last, last != 0x0A { self.repairs.append(.torn) }
            if garbage > 0 { self.repairs.append(.garbage(garbage)) }
            if excess > 0 { self.repairs.append(.tooMany(excess)) }
            if !ascending { parsed = self.reorder(parsed, bytes, exists) }
            self.rows = Self.withoutRepeatedNames(parsed, bytes)
        }
    }

    /// The UID that the next message gets: N alone may be behind rows appended later.
    var realNext: UInt32 {
        let last = self.rows.last?.uid ?? 0
        return max(self.next, last == .max ? .max : last + 1, 1)
    }

    /// Whether the file should be written anew: broken, of version 1, or without a GUID.
    var needsRewrite: Bool {
        !self.repairs.isEmpty || self.version != 3 || self.guid == nil || self.next == 0
    }

    /// The value of a row's key.
    func value(_ key: UInt8, of row: Row) -> ArraySlice<UInt8>? {
        guard !row.extras.isEmpty else { return nil }
        for field in self.text[row.extras].split(separator: 0x20) where field.first == key {
            return field.dropFirst()
        }
        return nil
    }

    /// Keeps the rows that `keep` wants.
    mutating func filter(_ keep: (Row) -> Bool) { self.rows = self.rows.filter(keep) }

    /// Adds rows that no present row contradicts: one with the same UID or name gives way. Any order.
    mutating func add(_ added: [(uid: UInt32, extras: [UInt8], name: [UInt8])]) {
        var fresh: [Row] = []
        fresh.reserveCapacity(added.count)
        for (uid, extras, name) in added {
            let start = self.text.count
            self.text.append(contentsOf: extras)
            let nameStart = self.text.count
            self.text.append(contentsOf: name)
            fresh.append(Row(uid: uid, extras: start..<nameStart, name: nameStart..<self.text.count))
        }
        let taken = Set(added.map(\.uid))
        var merged = self.rows.filter { !taken.contains($0.uid) }
        merged.append(contentsOf: fresh)
        merged.sort { $0.uid < $1.uid }
        self.rows = self.text.withUnsafeBytes { Self.withoutRepeatedNames(merged, $0) }
    }

    /// The file's octets in version 3.
    func encoded() -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(self.text.count + 128)
        out.append(contentsOf: "3 V\(self.uidValidity) N\(self.realNext)".utf8)
        if let guid { out.append(contentsOf: " G\(guid)".utf8) }
        for field in self.otherFields {
            out.append(0x20)
            out.append(contentsOf: field)
        }
        out.append(0x0A)
        for row in self.rows { Self.append(row.uid, self.text[row.extras], self.text[row.name], to: &out) }
        return out
    }

    /// Appends one row's octets.
    static func append(
        _ uid: UInt32, _ extras: ArraySlice<UInt8>, _ name: some Collection<UInt8>, to out: inout [UInt8]
    ) {
        out.append(contentsOf: String(uid).utf8)
        if !extras.isEmpty {
            out.append(0x20)
            out.append(contentsOf: extras)
        }
        out.append(0x20)
        out.append(0x3A)
        out.append(contentsOf: name)
        out.append(0x0A)
    }

    // MARK: Reading

    private static func line(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> Range<Int> {
        start..<(LineEnds.nextLineFeed(bytes, start) ?? bytes.count)
    }

    /// Reads the header; `false` when the line is none, and then `uidValidity` stays 0.
    private mutating func readHeader(_ line: UnsafeRawBufferPointer) -> Bool {
        var reader = DecimalReader(line)
        guard let version = reader.next(), reader.skip(0x20) else { return false }
        if version == 1 {
            guard let validity = reader.next(), reader.skip(0x20), let next = reader.next(),
                reader.offset == line.count, let shortValidity = UInt32(exactly: validity), shortValidity != 0
            else { return false }
            self.version = 1
            self.uidValidity = shortValidity
            self.next = UInt32(exactly: next) ?? 0
            if self.next == 0 { self.repairs.append(.header) }
            return true
        }
        // A row of version 3 whose UID is 3 has no V first.
        guard version == 3, reader.offset < line.count, line[reader.offset] != 0x3A else { return false }
        var sawKnown = false
        for field in line[reader.offset...].split(separator: 0x20) {
            let value = UnsafeRawBufferPointer(rebasing: field.dropFirst())
            var number = DecimalReader(value)
            switch field.first {
            case UInt8(ascii: "V"):
                self.uidValidity = number.next().flatMap { UInt32(exactly: $0) } ?? 0
                sawKnown = true
            case UInt8(ascii: "N"):
                self.next = number.next().flatMap { UInt32(exactly: $0) } ?? 0
                sawKnown = true
            case UInt8(ascii: "G"):
                if value.count == 32, value.allSatisfy({ ASCII.hexValue($0) != nil }) {
                    self.guid = String(decoding: value, as: UTF8.self)
                }
            default:
                self.otherFields.append(Array(field))
            }
        }
        guard sawKnown else {
            self.otherFields = []
            self.guid = nil
            return false
        }
        self.version = 3
        if self.uidValidity == 0 || self.next == 0 { self.repairs.append(.header) }
        return true
    }

    private func readRow(_ bytes: UnsafeRawBufferPointer, _ line: Range<Int>) -> Row? {
        let whole = UnsafeRawBufferPointer(rebasing: bytes[line])
        var reader = DecimalReader(whole)
        guard let number = reader.next(), let uid = UInt32(exactly: number), uid != 0, uid != .max,
            reader.skip(0x20)
        else { return nil }
        var nameStart = reader.offset
        var extras = nameStart..<nameStart
        if self.version != 1 {
            // The name begins after the first `:` that follows a blank.
            var position = reader.offset
            while position < whole.count, whole[position] != 0x3A || whole[position - 1] != 0x20 {
                guard let blank = Self.nextBlank(whole, position) else { return nil }
                position = blank + 1
            }
            guard position < whole.count else { return nil }
            extras = reader.offset..<max(reader.offset, position - 1)
            nameStart = position + 1
        }
        let name = UnsafeRawBufferPointer(rebasing: whole[nameStart...])
        let base = MaildirFilename.baseLength(name)
        guard MaildirFilename.isEntryName(name[..<base]) else { return nil }
        let start = line.lowerBound
        return Row(
            uid: uid, extras: start + extras.lowerBound..<start + extras.upperBound,
            name: start + nameStart..<start + nameStart + base)
    }

    private static func nextBlank(_ bytes: UnsafeRawBufferPointer, _ from: Int) -> Int? {
        bytes[from...].firstIndex(of: 0x20)
    }

    /// Sorts rows and leaves out each UID that several existing files claim.
    private mutating func reorder(
        _ parsed: [Row], _ bytes: UnsafeRawBufferPointer, _ exists: (UnsafeRawBufferPointer) -> Bool
    ) -> [Row] {
        var unordered = false
        for (row, following) in zip(parsed, parsed.dropFirst()) where row.uid > following.uid {
            unordered = true
        }
        if unordered { self.repairs.append(.unordered) }
        // Stable: rows of one UID stay in the order of the file.
        let order = parsed.indices.sorted { (parsed[$0].uid, $0) < (parsed[$1].uid, $1) }
        var kept: [Row] = []
        kept.reserveCapacity(parsed.count)
        var index = 0
        while index < order.count {
            let row = parsed[order[index]]
            let end = order[index...].firstIndex { parsed[$0].uid != row.uid } ?? order.count
            let run = index..<end
            index = end
            if run.count == 1 {
                kept.append(row)
                continue
            }
            let group = Self.withDistinctNames(order[run].map { parsed[$0] }, bytes)
            if group.count == 1 {
                kept.append(row)
                continue
            }
            let alive = group.filter { exists(UnsafeRawBufferPointer(rebasing: bytes[$0.name])) }
            if alive.count == 1 { kept.append(alive[0]) }
            // Which message clients know under this UID cannot be told: neither keeps it. The number stays used.
            if alive.count > 1 || alive.isEmpty {
                self.repairs.append(.ambiguousUID(row.uid))
                self.next = max(self.next, row.uid + 1)
            }
        }
        if !unordered, kept.count < parsed.count, self.repairs.isEmpty { self.repairs.append(.unordered) }
        return kept
    }

    /// Of rows with the same name the first one stays.
    private static func withDistinctNames(_ rows: [Row], _ bytes: UnsafeRawBufferPointer) -> [Row] {
        var names = NameIndex(capacity: rows.count)
        return rows.indices.filter { index in
            let name = UnsafeRawBufferPointer(rebasing: bytes[rows[index].name])
            return names.findOrInsert(name, index) { bytes[rows[$0].name] } == nil
        }.map { rows[$0] }
    }

    /// Of rows with the same name the one with the highest UID stays.
    private static func withoutRepeatedNames(_ rows: [Row], _ bytes: UnsafeRawBufferPointer) -> [Row] {
        var names = NameIndex(capacity: rows.count)
        var repeated: [Int] = []
        for index in rows.indices.reversed() {
            let name = UnsafeRawBufferPointer(rebasing: bytes[rows[index].name])
            let found = names.findOrInsert(name, index) { bytes[rows[$0].name] }
            if found != nil { repeated.append(index) }
        }
        guard !repeated.isEmpty else { return rows }
        let dropped = Set(repeated)
        return rows.indices.filter { !dropped.contains($0) }.map { rows[$0] }
    }
}

extension UIDListFile {
    /// The row of a UID.
    func row(_ uid: UInt32) -> Row? {
        var low = 0
        var high = self.rows.count
        while low < high {
            let middle = (low + high) / 2
            if self.rows[middle].uid < uid { low = middle + 1 } else { high = middle }
        }
        return low < self.rows.count && self.rows[low].uid == uid ? self.rows[low] : nil
    }
}
