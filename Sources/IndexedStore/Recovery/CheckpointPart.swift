internal import MailCore
internal import VolumeLog

/// A piece of a checkpoint: a copy of the index in the log, so that the index can be made again from it and the
/// records behind its base.
///
/// The rows are read while the volume works, some thousand at a time, and not all at one moment. So a rebuild first
/// takes in all of them and then repeats every record behind the base, which leaves each row as the last record
/// about it says.
struct CheckpointPart: Sendable {
    enum Content: Sendable {
        /// - Parameters:
        ///   - restarts: see `MailboxHead.restarts`.
        ///   - version: of the index whose rows follow.
        case begin(restarts: UInt64, version: UInt32)
        /// Entries of one database of the index, in the order of their keys, as `append(entry:)` writes them.
        case rows(database: String, entries: [UInt8])
        /// - Parameter parts: how many parts of rows there are.
        case end(parts: UInt64)
    }

    /// The last record that was in the index before the first row was read. Also the checkpoint's name.
    var base: LogSequence
    var content: Content

    func encode(into out: inout [UInt8]) {
        out.appendLittleEndian(self.base.rawValue)
        switch self.content {
        case .begin(let restarts, let version):
            out.append(1)
            out.appendLittleEndian(restarts)
            out.appendLittleEndian(version)
        case .rows(let database, let entries):
            out.append(2)
            out.appendText(database)
            out.append(contentsOf: entries)
        case .end(let parts):
            out.append(3)
            out.appendLittleEndian(parts)
        }
    }

    init(base: LogSequence, _ content: Content) {
        self.base = base
        self.content = content
    }

    init?(_ reader: inout ByteReader) {
        guard let base = reader.readLittleEndian(UInt64.self), let part = reader.readLittleEndian(UInt8.self)
        else { return nil }
        self.base = LogSequence(rawValue: base)
        switch part {
        case 1:
            guard let restarts = reader.readLittleEndian(UInt64.self) else { return nil }
            // Those of the first releases end here.
            self.content = .begin(restarts: restarts, version: reader.readLittleEndian(UInt32.self) ?? 1)
        case 2:
            guard let database = reader.readText(), let entries = reader.readBytes(reader.remaining) else {
                return nil
            }
            self.content = .rows(database: database, entries: Array(entries))
        case 3:
            guard let parts = reader.readLittleEndian(UInt64.self) else { return nil }
            self.content = .end(parts: parts)
        default: return nil
        }
    }

    /// Appends one entry of a database.
    static func append(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, to entries: inout [UInt8]) {
        entries.appendVarint(UInt64(key.count))
        entries.append(contentsOf: key)
        entries.appendVarint(UInt64(value.count))
        entries.append(contentsOf: value)
    }

    /// Calls `visit` with each entry; `false` when the octets are no entries.
    static func forEachEntry<E: Error>(
        _ entries: [UInt8], _ visit: (_ key: [UInt8], _ value: [UInt8]) throws(E) -> Void
    ) throws(E) -> Bool {
        var position = 0
        func length() -> Int? {
            var value: UInt64 = 0
            var shift: UInt64 = 0
            while position < entries.count, shift < 35 {
                let octet = entries[position]
                position += 1
                value |= UInt64(octet & 0x7F) << shift
                if octet < 0x80 { return value <= UInt64(entries.count - position) ? Int(value) : nil }
                shift += 7
            }
            return nil
        }
        while position < entries.count {
            guard let keyLength = length() else { return false }
            let key = Array(entries[position..<position + keyLength])
            position += keyLength
            guard let valueLength = length(), !key.isEmpty, key.count <= 511 else { return false }
            try visit(key, Array(entries[position..<position + valueLength]))
            position += valueLength
        }
        return true
    }
}

/// Where the last whole checkpoint is: a small file beside the segments, so that a rebuild need not look for it in
/// the whole log.
struct CheckpointPointer: Sendable, Hashable {
    var base: LogSequence
    /// Octets of the checkpoint in the log.
    var size: UInt64

    static let name = "checkpoint"

    var text: String { "martlet checkpoint 1\nbase \(self.base.rawValue)\nsize \(self.size)\n" }

    init(base: LogSequence, size: UInt64) {
        self.base = base
        self.size = size
    }

    init?(_ text: String) {
        let lines = text.split(separator: "\n")
        guard lines.count == 3, text.hasSuffix("\n"), lines[0] == "martlet checkpoint 1", lines[1].hasPrefix("base "),
            let base = UInt64(lines[1].dropFirst(5)), lines[2].hasPrefix("size "),
            let size = UInt64(lines[2].dropFirst(5))
        else { return nil }
        self.base = LogSequence(rawValue: base)
        self.size = size
    }
}
