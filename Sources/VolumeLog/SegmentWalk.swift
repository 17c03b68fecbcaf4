/// Whether to go on with the next record.
public enum ReplayStep: Hashable, Sendable { case next, stop }

/// A pass over the records of one segment in order, around damage.
struct SegmentWalk {
    let scanner: SegmentScanner
    /// Sequence number above the segment's last record, if that is known.
    let bound: UInt64?
    /// Number the next record must have.
    var expected: UInt64
    /// Checksum of the record before; nil if that was lost.
    var chain: UInt32?
    var position = SegmentHeader.size
    var damages: [LogDamage] = []
    var records = 0
    /// Where records begin whose payloads are gone on purpose; they are passed over.
    var holes: Set<UInt64> = []
    /// Whether to stop where the first damage begins, and where the records behind it go on.
    var endsAtDamage = false
    private(set) var resumption: Int?

    /// Calls `visit` for each intact record; payloads of records below `from` are not looked at.
    ///
    /// Afterwards `position` is behind the last record, unless `visit` stopped.
    mutating func run<E: Error>(
        from: UInt64 = 0,
        _ visit: (RecordHeader, _ offset: Int, SegmentScanner) throws(E) -> ReplayStep
    ) throws(E) -> ReplayStep {
        while self.bound.map({ self.expected < $0 }) ?? true {
            let header = self.scanner.header(at: self.position)
            if let header, header.sequence == self.expected, self.chain ?? header.previous == header.previous {
                let isHole = self.holes.contains(UInt64(self.position))
                if header.sequence < from || isHole || self.scanner.isIntact(header, at: self.position) {
                    let offset = self.position
                    self.accept(header, at: offset)
                    if header.sequence < from || isHole { continue }
                    self.records += 1
                    if try visit(header, offset, self.scanner) == .stop { return .stop }
                    continue
                }
            }
            // A header that is right tells where the next one stands, even if its payload is not.
            let isOurs = header.map { $0.sequence == self.expected && $0.previous == self.chain } ?? false
            let start = isOurs ? self.position + (header?.span ?? 8) : self.position
            guard
                let (offset, found) = self.scanner.resume(
                    from: start, expected: self.expected + (isOurs ? 1 : 0), bound: self.bound)
            else { break }
            if self.endsAtDamage {
                self.resumption = offset
                return .stop
            }
            self.damages.append(
                LogDamage(
                    cause: .records, segment: self.scanner.file.number, offset: UInt64(self.position),
                    length: UInt64(offset - self.position),
                    lost: found.sequence > self.expected ? self.expected...found.sequence - 1 : nil))
            self.position = offset
            self.expected = found.sequence
            self.chain = nil
        }
        if let bound, self.expected < bound {
            self.damages.append(
                LogDamage(
                    cause: .records, segment: self.scanner.file.number, offset: UInt64(self.position),
                    length: UInt64(max(0, self.scanner.end - self.position)), lost: self.expected...bound - 1)
            )
            self.expected = bound
            self.chain = nil
        }
        return .next
    }

    private mutating func accept(_ header: RecordHeader, at offset: Int) {
        self.position = offset + header.span
        self.expected = header.sequence + 1
        self.chain = header.checksum
    }
}
