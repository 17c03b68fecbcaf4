internal import MailCore
internal import MailStore

/// How bodies in the log are made smaller. Thread-safe.
public protocol BodyCodec: Sendable {
    /// `nil` when that failed.
    func pack(_ octets: UnsafeRawBufferPointer) -> [UInt8]?

    /// What `pack` made, which was so many octets; `nil` for anything else.
    func unpack(_ packed: UnsafeRawBufferPointer, count: Int) -> [UInt8]?
}

/// A body as its record has it when it is packed: four octets that say how many it is, little-endian, and what the
/// codec made.
enum PackedBody {
    /// Octets of bodies that are packed: smaller ones gain nothing, larger ones are not held in memory. What says that it
    /// is more is damaged.
    static let sizes = 512...(16 << 20)

    /// `nil` when it would not be much smaller.
    static func pack(_ octets: MessageOctets, _ codec: any BodyCodec) -> MessageOctets? {
        guard self.sizes.contains(octets.count) else { return nil }
        guard let packed = octets.withUnsafeBytes({ codec.pack($0) }), packed.count + 4 <= octets.count / 8 * 7 else {
            return nil
        }
        var body: [UInt8] = []
        body.reserveCapacity(packed.count + 4)
        body.appendLittleEndian(UInt32(octets.count))
        body += packed
        return MessageOctets(body)
    }

    static func unpack(_ body: MessageOctets, _ codec: (any BodyCodec)?) throws(StoreError) -> MessageOctets {
        guard let codec else {
            throw StoreError(.temporary, "a packed message needs the library libzstd.so.1, which is not installed")
        }
        let octets = body.withUnsafeBytes { bytes -> [UInt8]? in
            guard bytes.count > 4 else { return nil }
            let count = Int(UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self)))
            guard self.sizes.contains(count) else { return nil }
            return codec.unpack(UnsafeRawBufferPointer(rebasing: bytes[4...]), count: count)
        }
        guard let octets else { throw StoreError(.damaged, "a packed message is not what was written") }
        return MessageOctets(octets)
    }
}

extension Volume {
    /// The body as the log is to have it, when that is to be smaller.
    func packed(_ octets: MessageOctets) -> MessageOctets? {
        guard self.configuration.packsBodies, let codec = self.configuration.bodyCodec else { return nil }
        return PackedBody.pack(octets, codec)
    }

    /// A body from what its record has.
    func unpacked(_ body: MessageOctets, _ row: BodyRow) throws(StoreError) -> MessageOctets {
        row.isPacked ? try PackedBody.unpack(body, self.configuration.bodyCodec) : body
    }
}
