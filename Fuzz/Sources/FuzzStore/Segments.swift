import CLinux
import Glibc
@testable import VolumeLog

/// A segment of the log: records as the input has them, then octets changed here and there. What is read afterwards is
/// always a record that was written, in order, and all are read when nothing was changed.
func fuzzSegment(_ input: FuzzInput) {
    var input = input
    let log = LogID(high: 7, low: 9)
    let header = SegmentHeader(logID: log, number: 1, firstSequence: 5, previous: 0, created: 1)
    var image = header.encode()
    let seed = log.seed(segment: 1)
    var written: [UInt64: [UInt8]] = [:]
    var previous: UInt32 = 0
    for sequence in UInt64(5)..<5 + UInt64(input.number(below: 12)) {
        let length = input.number(below: 90)
        let payload = Array(input.rest.prefix(length))
        let checksum = payload.withUnsafeBytes { martlet_crc32c(0, $0.baseAddress, $0.count) }
        var record = RecordHeader(
            payloadChecksum: checksum, previous: previous, length: UInt32(payload.count), sequence: sequence,
            kind: UInt8(sequence), flags: sequence % 3 == 0 ? .followsFlush : [], salt: 77)
        var octets = [UInt8](repeating: 0, count: RecordHeader.size)
        octets.withUnsafeMutableBytes { record.encode(seed: seed, into: $0) }
        previous = record.checksum
        image += octets + payload
        while image.count % 8 != 0 { image.append(0) }
        written[sequence] = payload
    }
    var changes = 0
    for _ in 0..<input.number(below: 5) {
        let place = SegmentHeader.size + input.number(below: max(1, image.count - SegmentHeader.size))
        guard place < image.count else { continue }
        let octet = input.octet()
        if image[place] != octet { changes += 1 }
        image[place] = octet
    }
    let bound: UInt64? = input.octet() & 1 == 0 ? nil : 5 + UInt64(written.count)
    // And whatever the input still has, behind the records or in place of everything.
    let isRaw = input.octet() > 250
    image = isRaw ? Array(image.prefix(SegmentHeader.size)) + input.octets : image + input.octets
    check(image, written, seed, bound, isWhole: changes == 0 && !isRaw)

    var page = Array(input.octets.prefix(SegmentHeader.size))
    page += [UInt8](repeating: 0, count: SegmentHeader.size - page.count)
    page.withUnsafeBytes { if case .valid(let header) = SegmentHeader.read($0) { need(header.firstSequence > 0) } }
}

private func check(_ image: [UInt8], _ written: [UInt64: [UInt8]], _ seed: UInt32, _ bound: UInt64?, isWhole: Bool) {
    let file = SegmentFile(number: 1, path: "fuzz", descriptor: unnamedFile(image), seed: seed)
    var walk = SegmentWalk(
        scanner: SegmentScanner(file, end: image.count), bound: bound, expected: 5, chain: 0)
    var last: UInt64 = 4
    var seen = 0
    _ = walk.run { header, offset, scanner in
        need(header.sequence > last, "records out of order")
        last = header.sequence
        seen += 1
        guard let payload = scanner.bytes(at: offset + RecordHeader.size, count: Int(header.length)) else {
            fail("a record without its payload")
        }
        same(Array(payload), written[header.sequence], "record \(header.sequence)")
        return .next
    }
    need(walk.records == seen && seen <= written.count)
    if isWhole { same(seen, written.count, "records read") }
    need(walk.damages.count <= written.count + 1)
}
