internal import MailCore
internal import MailStore
internal import VolumeLog

/// The name of a body that lives in the volume's log: the sequence number of the record that brought it. It stays
/// when cleaning copies the body to another place, and is never used for another.
struct BodyID: RawRepresentable, Hashable, Comparable, Sendable {
    let rawValue: UInt64

    init(rawValue: UInt64) { self.rawValue = rawValue }
    init(_ sequence: LogSequence) { self.rawValue = sequence.rawValue }

    static func < (a: BodyID, b: BodyID) -> Bool { a.rawValue < b.rawValue }
}

extension BodyID {
    /// From the octets of a location; `nil` unless they name a body in the log.
    init?(location: UnsafeRawBufferPointer) {
        guard location.count == 9, location[0] == 0 else { return nil }
        self.init(rawValue: UInt64(littleEndian: location.loadUnaligned(fromByteOffset: 1, as: UInt64.self)))
    }
}

extension BodyLocation {
    /// Of a message in the record that holds its body: a body's name is known when the record is written.
    static let thisRecord = BodyLocation([0])

    /// The place of a body in the log. No file name begins with NUL, so the first octet tells the two apart.
    init(_ id: BodyID) {
        var bytes: [UInt8] = [0]
        bytes.reserveCapacity(9)
        bytes.appendLittleEndian(id.rawValue)
        self.init(bytes)
    }

    /// Whether the body is in the log, be it in this record.
    var isInLog: Bool { self.bytes.first == 0 }

    /// `nil`: in a file, or in the record at hand.
    var bodyID: BodyID? {
        self.bytes.withUnsafeBytes { BodyID(location: $0) }
    }
}

/// What the index keeps of a body in the log.
struct BodyRow: Sendable, Hashable {
    /// The record that holds the body now; `nil` while a rebuild has not come to it.
    var location: RecordLocation?
    /// The body's octets, at the end of the record's payload.
    var count: UInt32
    /// Rows of messages that name it.
    var references: UInt32
    /// Whether those octets are a `PackedBody`.
    var isPacked = false

    init(location: RecordLocation?, count: UInt32, references: UInt32) {
        self.location = location
        self.count = count
        self.references = references
    }

    /// Octets that the record takes in its segment.
    var span: UInt64 { self.location.map { UInt64($0.span) } ?? 0 }

    func encode(into out: inout [UInt8]) {
        out.append(self.isPacked ? 2 : 1)
        out.appendLittleEndian(self.location?.segment ?? 0)
        out.appendLittleEndian(self.location?.offset ?? 0)
        out.appendLittleEndian(self.location?.length ?? 0)
        out.appendLittleEndian(self.count)
        out.appendLittleEndian(self.references)
    }

    init?(_ bytes: UnsafeRawBufferPointer) {
        var reader = ByteReader(bytes)
        guard let version = reader.readLittleEndian(UInt8.self), version == 1 || version == 2,
            let segment = reader.readLittleEndian(UInt32.self),
            let offset = reader.readLittleEndian(UInt64.self), let length = reader.readLittleEndian(UInt32.self),
            let count = reader.readLittleEndian(UInt32.self), count <= length || segment == 0,
            let references = reader.readLittleEndian(UInt32.self)
        else { return nil }
        self.location = segment == 0 ? nil : RecordLocation(segment: segment, offset: offset, length: length)
        self.count = count
        self.references = references
        self.isPacked = version == 2
    }
}

/// Where the applier or a replay found a record: what brings the body of a message gives it name and place.
struct PlacedRecord: Sendable {
    var sequence: LogSequence
    var location: RecordLocation
}

extension Volume {
    /// The octets of a body. Cleaning may take the record away between the look into the index and the read; then
    /// the index names another place.
    func readBody(_ id: BodyID) throws(StoreError) -> MessageOctets {
        var tried: RecordLocation?
        while true {
            guard let row = try self.schema.body(id), let location = row.location else {
                throw StoreError(.expunged, "body \(id.rawValue)")
            }
            if location == tried {
                throw StoreError(
                    .damaged,
                    "body \(id.rawValue) in segment \(location.segment) at \(location.offset) is not what was written")
            }
            let body: MessageOctets
            do throws(VolumeLogError) {
                body = try self.log.body(row.count, at: location)
            } catch {
                guard error.code == .damaged || error.code == .noSuchRecord else { throw StoreError(error) }
                tried = location
                continue
            }
            return try self.unpacked(body, row)
        }
    }

    /// The GUID of messages that have this body, if they were not given another: 32 hexadecimal digits.
    func guid(of id: BodyID) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(32)
        for value in [self.log.tag, id.rawValue] {
            for shift in stride(from: 60, through: 0, by: -4) {
                let digit = UInt8(truncatingIfNeeded: value >> UInt64(shift) & 15)
                text.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    func guid(of row: NewMessage) -> String {
        if let guid = row.guid { return guid }
        if let id = row.location.bodyID { return self.guid(of: id) }
        return String(decoding: row.location.bytes, as: UTF8.self)
    }
}
