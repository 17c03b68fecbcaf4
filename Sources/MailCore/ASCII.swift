/// Tests and folds of single octets as US-ASCII.
public enum ASCII {
    /// A capital letter as a small one, other octets as they are.
    @inlinable
    public static func lowercased(_ byte: UInt8) -> UInt8 {
        byte &- 0x41 < 26 ? byte | 0x20 : byte
    }

    /// A small letter as a capital one, other octets as they are.
    @inlinable
    public static func uppercased(_ byte: UInt8) -> UInt8 {
        byte &- 0x61 < 26 ? byte & 0xDF : byte
    }

    /// 0 to 9.
    @inlinable
    public static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    /// A to Z and a to z.
    @inlinable
    public static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }

    /// SP or HTAB.
    @inlinable
    public static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    /// ATOM-CHAR of RFC 9051 section 9: printable, none of `( ) { SP % * " \ ]`.
    @inlinable
    public static func isAtomCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x00...0x20, 0x7F...0xFF: false
        case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "{"), UInt8(ascii: "%"),
            UInt8(ascii: "*"), UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "]"):
            false
        default: true
        }
    }

    /// The value of a hexadecimal digit in either case, or `nil`.
    @inlinable
    public static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }

    /// The lower-case hexadecimal digit of a value below 16.
    @inlinable
    public static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? 0x30 &+ value : 0x61 &- 10 &+ value
    }

    /// Whether two octet strings are equal when ASCII letters are folded.
    @inlinable
    public static func equalsIgnoringCase(
        _ a: some Collection<UInt8>, _ b: some Collection<UInt8>
    ) -> Bool {
        guard a.count == b.count else { return false }
        return zip(a, b).allSatisfy { lowercased($0) == lowercased($1) }
    }

    /// Whether `bytes` equal the static `word` when ASCII letters are folded. `word` is lower case.
    @inlinable
    public static func equals(_ bytes: borrowing Span<UInt8>, lowercase word: StaticString) -> Bool {
        guard bytes.count == word.utf8CodeUnitCount else { return false }
        let expected = word.utf8Start
        for i in 0..<bytes.count where lowercased(bytes[i]) != expected[i] { return false }
        return true
    }
}
