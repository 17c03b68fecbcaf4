extension [UInt8] {
    /// Appends `value` in decimal digits.
    @inlinable
    public mutating func appendDecimal(_ value: UInt64) {
        if value < 10 {
            self.append(0x30 + UInt8(value))
            return
        }
        var digits: (UInt64, UInt64, UInt32) = (0, 0, 0)  // 20 octets: UInt64.max has 20 digits
        Swift.withUnsafeMutableBytes(of: &digits) { buffer in
            var position = 20
            var rest = value
            while rest > 0 {
                position -= 1
                buffer[position] = 0x30 + UInt8(rest % 10)
                rest /= 10
            }
            self.append(contentsOf: buffer[position..<20])
        }
    }

    @inlinable
    public mutating func append(_ text: StaticString) {
        self.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends an integer in little-endian order, as all on-disk records have it.
    @inlinable
    public mutating func appendLittleEndian<T: FixedWidthInteger>(_ value: T) {
        Swift.withUnsafeBytes(of: value.littleEndian) { self.append(contentsOf: $0) }
    }

    /// Appends an unsigned integer in LEB128 form: 7 bits an octet, low bits first.
    @inlinable
    public mutating func appendVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            self.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        self.append(UInt8(rest))
    }
}

/// Reads integers and octet strings from on-disk or wire records; every read is bounds-checked and
/// answers `nil` past the end, so damage shows as `nil` and never as a trap.
public struct ByteReader {
    private let base: UnsafeRawBufferPointer
    public private(set) var offset = 0

    /// The reader must not outlive `bytes`.
    public init(_ bytes: UnsafeRawBufferPointer) { self.base = bytes }

    public var remaining: Int { self.base.count - self.offset }

    public mutating func readLittleEndian<T: FixedWidthInteger>(_: T.Type = T.self) -> T? {
        let size = MemoryLayout<T>.size
        guard self.remaining >= size else { return nil }
        defer { self.offset += size }
        return T(littleEndian: self.base.loadUnaligned(fromByteOffset: self.offset, as: T.self))
    }

    /// An unsigned LEB128 integer; `nil` when truncated or wider than 64 bits.
    public mutating func readVarint() -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while self.offset < self.base.count, shift < 64 {
            let byte = self.base[self.offset]
            self.offset += 1
            if shift == 63, byte > 1 { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        return nil
    }

    /// The next `count` octets, still inside the input.
    public mutating func readBytes(_ count: Int) -> UnsafeRawBufferPointer? {
        guard count >= 0, count <= self.remaining else { return nil }
        defer { self.offset += count }
        return UnsafeRawBufferPointer(rebasing: self.base[self.offset..<self.offset + count])
    }

    /// A varint length and that many octets as text; invalid UTF-8 is repaired.
    public mutating func readText() -> String? {
        guard let length = self.readVarint(), length <= UInt64(self.remaining),
            let bytes = self.readBytes(Int(length))
        else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension [UInt8] {
    /// Appends a varint length and the text's UTF-8 octets: what `ByteReader.readText` reads.
    public mutating func appendText(_ text: String) {
        let utf8 = text.utf8
        self.appendVarint(UInt64(utf8.count))
        self.append(contentsOf: utf8)
    }
}
