@testable import IndexedStore
import MailCore
import VolumeLog

/// Records of the log: what can be read is written so that it reads the same.
func fuzzRecords(_ input: FuzzInput) {
    var input = input
    let kind = input.number(below: 64)
    let version = input.octet()
    let payload = (version < 200 ? [StoreRecord.version] : [version]) + input.octets
    payload.withUnsafeBytes { bytes in
        guard let record = StoreRecord(kind: UInt8(kind), bytes) else {
            _ = StoreRecord.isOfNewerRelease(kind: UInt8(kind), bytes)
            return
        }
        var first: [UInt8] = []
        record.encode(into: &first)
        first.withUnsafeBytes { again in
            // A delivery without effects is written as the kind without them.
            guard let second = StoreRecord(kind: record.kind.rawValue, again) else { fail("written and not read again") }
            var third: [UInt8] = []
            second.encode(into: &third)
            same(third, first, "a record of kind \(kind)")
        }
    }
}

/// Rows of the index, the same way.
func fuzzRows(_ input: FuzzInput) {
    var input = input
    let choice = input.number(below: 6)
    let octets = input.octets
    func encoded(_ octets: [UInt8]) -> [UInt8]? {
        octets.withUnsafeBytes { bytes in
            switch choice {
            case 0: return AccountRow(bytes)?.encode()
            case 1: return MailboxHead(bytes, restarts: 3)?.encode()
            case 2: return FileTask(bytes)?.encode()
            case 3: return OutgoingRow(bytes)?.encode()
            case 4: return TraceRecord(bytes)?.encode()
            default:
                var out: [UInt8] = []
                guard let row = BodyRow(bytes) else { return nil }
                row.encode(into: &out)
                return out
            }
        }
    }
    guard let first = encoded(octets) else { return }
    // The first time what is beyond a limit is cut off.
    same(encoded(first), first, "a row of kind \(choice)")
}

/// Parts of checkpoints and the file that says where the last one is.
func fuzzCheckpoint(_ input: FuzzInput) {
    let octets = input.octets
    octets.withUnsafeBytes { bytes in
        var reader = ByteReader(bytes)
        guard let part = CheckpointPart(&reader) else { return }
        var written: [UInt8] = []
        part.encode(into: &written)
        if case .rows(_, let entries) = part.content {
            var total = 0
            var copy: [UInt8] = []
            let isWhole = CheckpointPart.forEachEntry(entries) { key, value in
                total += key.count + value.count
                need(!key.isEmpty && key.count <= 511)
                key.withUnsafeBytes { key in
                    value.withUnsafeBytes { CheckpointPart.append(key, $0, to: &copy) }
                }
            }
            need(total <= entries.count)
            if isWhole {
                var again: [UInt8] = []
                need(
                    CheckpointPart.forEachEntry(copy) { key, value in
                        key.withUnsafeBytes { key in
                            value.withUnsafeBytes { CheckpointPart.append(key, $0, to: &again) }
                        }
                    })
                same(again, copy, "entries of a checkpoint")
            }
        }
        written.withUnsafeBytes { stored in
            var reader = ByteReader(stored)
            guard let again = CheckpointPart(&reader) else { fail("a part was written that cannot be read") }
            var second: [UInt8] = []
            again.encode(into: &second)
            same(second, written, "a part of a checkpoint")
        }
    }
    if let pointer = CheckpointPointer(String(decoding: octets, as: UTF8.self)) {
        same(CheckpointPointer(pointer.text), pointer, "where a checkpoint is")
    }
}
