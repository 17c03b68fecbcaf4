/// Base64 of RFC 4648 section 4.
public enum Base64 {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// 0...63 for a digit, 0x40 for `=`, 0xFF for anything else.
    private static let values: [UInt8] = {
        var table = [UInt8](repeating: 0xFF, count: 256)
        for (value, character) in alphabet.enumerated() { table[Int(character)] = UInt8(value) }
        table[Int(UInt8(ascii: "="))] = 0x40
        return table
    }()

    /// The base64 form with padding, on one line.
    public static func encode(_ bytes: some Collection<UInt8>) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity((bytes.count + 2) / 3 * 4)
        var group: UInt32 = 0
        var held = 0
        for byte in bytes {
            group = group << 8 | UInt32(byte)
            held += 1
            if held == 3 {
                for shift: UInt32 in [18, 12, 6, 0] { out.append(alphabet[Int(group >> shift & 63)]) }
                group = 0
                held = 0
            }
        }
        if held == 1 {
            out.append(alphabet[Int(group >> 2 & 63)])
            out.append(alphabet[Int(group << 4 & 63)])
            out.append(contentsOf: [0x3D, 0x3D])
        } else if held == 2 {
            out.append(alphabet[Int(group >> 10 & 63)])
            out.append(alphabet[Int(group >> 4 & 63)])
            out.append(alphabet[Int(group << 2 & 63)])
            out.append(0x3D)
        }
        return out
    }

    /// The octets of a whole base64 string, padded and without line ends, as SASL sends it.
    ///
    /// `nil` for any other octet, a wrong length, or wrong padding. The empty string decodes to nothing.
    public static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        var out: [UInt8] = []
        out.reserveCapacity(text.count / 4 * 3)
        var group: UInt32 = 0
        var held = 0
        var padding = 0
        for character in text {
            let value = values[Int(character)]
            guard value <= 0x40 else { return nil }
            if value == 0x40 {
                padding += 1
                guard held >= 2, padding <= 2 else { return nil }
            } else if padding > 0 {
                return nil
            }
            group = group << 6 | UInt32(value & 63)
            held += 1
            if held == 4 {
                out.append(UInt8(truncatingIfNeeded: group >> 16))
                if padding < 2 { out.append(UInt8(truncatingIfNeeded: group >> 8)) }
                if padding < 1 { out.append(UInt8(truncatingIfNeeded: group)) }
                group = 0
                held = 0
            }
        }
        return out
    }
}
