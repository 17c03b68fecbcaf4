import MailCore

/// Turns items into the octets of a backup: the mark `MARTLETB`, then frames.
///
/// A frame is 4 octets length of its payload, 1 octet kind, the payload, and 4 octets CRC-32C of all that, begun with
/// the checksum of the frame before: so a frame is valid only at its place in its own backup.
public struct BackupWriter: Sendable {
    public static let mark: [UInt8] = Array("MARTLETB".utf8)
    /// Octets of the longest payload.
    public static let maximumPayload = 1 << 20
    /// Octets of a message in one frame.
    public static let bodyPiece = 64 << 10
    /// Ranges of UIDs in one frame.
    static let maximumRanges = 32_768

    private var sum: UInt32 = 0
    private var isBegun = false
    private var messages: UInt64 = 0
    private var octets: UInt64 = 0

    public init() {}

    /// Appends an item's octets; one of many UIDs or octets becomes several. An item that is too long is `false`, and
    /// nothing is written.
    @discardableResult
    public mutating func append(_ item: BackupItem, to out: inout [UInt8]) -> Bool {
        switch item {
        case .uids(let mailbox, let uids):
            for piece in Self.pieces(uids) { self.frame(.uids(mailbox: mailbox, piece), &out) }
        case .gone(let mailbox, let uids):
            for piece in Self.pieces(uids) { self.frame(.gone(mailbox: mailbox, piece), &out) }
        case .privateFlags(let own):
            for piece in Self.pieces(own.uids) {
                var part = own
                part.uids = piece
                guard self.frame(.privateFlags(part), &out) else { return false }
            }
        case .body(let octets):
            self.octets &+= UInt64(octets.count)
            var start = 0
            while start < octets.count {
                let end = min(start + Self.bodyPiece, octets.count)
                self.frame(.body(Array(octets[start..<end])), &out)
                start = end
            }
        case .message:
            self.messages &+= 1
            return self.frame(item, &out)
        case .begin, .mailbox, .metadata, .subscription, .script, .quotaLimits, .messages, .end:
            return self.frame(item, &out)
        }
        return true
    }

    /// The item that ends the backup, with what was written.
    public mutating func appendEnd(to out: inout [UInt8]) {
        self.frame(.end(messages: self.messages, octets: self.octets), &out)
    }

    private static func pieces(_ uids: UIDSet) -> [UIDSet] {
        guard uids.ranges.count > Self.maximumRanges else { return uids.isEmpty ? [] : [uids] }
        var pieces: [UIDSet] = []
        var piece = UIDSet()
        for range in uids.ranges {
            guard let low = UID(rawValue: range.lowerBound), let high = UID(rawValue: range.upperBound) else {
                continue
            }
            piece.insert(low...high)
            if piece.ranges.count == Self.maximumRanges {
                pieces.append(piece)
                piece = UIDSet()
            }
        }
        if !piece.isEmpty { pieces.append(piece) }
        return pieces
    }

    @discardableResult
    private mutating func frame(_ item: BackupItem, _ out: inout [UInt8]) -> Bool {
        let mark = out.count
        if !self.isBegun { out.append(contentsOf: Self.mark) }
        let start = out.count
        out.appendLittleEndian(UInt32(0))
        out.append(item.kind.rawValue)
        item.encode(into: &out)
        let length = out.count - start - 5
        guard length <= Self.maximumPayload else {
            out.removeLast(out.count - mark)
            return false
        }
        for (index, shift) in [0, 8, 16, 24].enumerated() {
            out[start + index] = UInt8(truncatingIfNeeded: length >> shift)
        }
        self.sum = out.withUnsafeBytes { bytes in
            CRC32C.continued(self.sum, UnsafeRawBufferPointer(rebasing: bytes[start...]))
        }
        out.appendLittleEndian(self.sum)
        self.isBegun = true
        return true
    }
}
