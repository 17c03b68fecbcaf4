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

    /// Appends the octets of a fixed text.
    @inlinable
    public mutating func append(_ text: StaticString) {
        self.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends an octet as two hexadecimal digits in lower case.
    @inlinable
    public mutating func appendHex(_ byte: UInt8) {
        self.append(ASCII.hexDigit(byte >> 4))
        self.append(ASCII.hexDigit(byte & 15))
    }

    /// Appends an octet as two hexadecimal digits in capitals.
    @inlinable
    public mutating func appendCapitalHex(_ byte: UInt8) {
        self.append(ASCII.uppercased(ASCII.hexDigit(byte >> 4)))
        self.append(ASCII.uppercased(ASCII.hexDigit(byte & 15)))
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
///
/// Inlinable: it reads each record of the index and each message's cache, and an integer type that is known only when
/// it runs costs more than the read.
public struct ByteReader {
    @usableFromInline let base: UnsafeRawBufferPointer
    @usableFromInline var position = 0

    /// The reader must not outlive `bytes`.
    @inlinable
    public init(_ bytes: UnsafeRawBufferPointer) { self.base = bytes }

    @inlinable
    public var offset: Int { self.position }

    @inlinable
    public var remaining: Int { self.base.count &- self.position }

    /// The next number; `nil` when fewer octets are left than it has.
    @inlinable
    public mutating func readLittleEndian<T: FixedWidthInteger>(_: T.Type = T.self) -> T? {
        let size = MemoryLayout<T>.size
        guard self.remaining >= size else { return nil }
        let value = self.base.loadUnaligned(fromByteOffset: self.position, as: T.self)
        self.position &+= size
        return T(littleEndian: value)
    }

    /// An unsigned LEB128 integer; `nil` when truncated or wider than 64 bits.
    @inlinable
    public mutating func readVarint() -> UInt64? {
        guard self.position < self.base.count else { return nil }
        let first = self.base[self.position]
        guard first >= 0x80 else {
            self.position &+= 1
            return UInt64(first)
        }
        return self.readLongVarint()
    }

    @usableFromInline
    mutating func readLongVarint() -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while self.position < self.base.count, shift < 64 {
            let byte = self.base[self.position]
            self.position &+= 1
            if shift == 63, byte > 1 { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift &+= 7
        }
        return nil
    }

    /// The next `count` octets, still inside the input.
    @inlinable
    public mutating func readBytes(_ count: Int) -> UnsafeRawBufferPointer? {
        guard count >= 0, count <= self.remaining else { return nil }
        let bytes = UnsafeRawBufferPointer(rebasing: self.base[self.position..<self.position &+ count])
        self.position &+= count
        return bytes
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
