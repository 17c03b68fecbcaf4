/// IMAP's modified UTF-7 (RFC 3501 section 5.1.3), the form of mailbox names for rev1 clients and on disk.
public enum ModifiedUTF7 {
    private static let digits = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,".utf8)

    /// A text in this form.
    public static func encode(_ text: String) -> [UInt8] {
        var out: [UInt8] = []
        var units: [UInt16] = []
        func flush() {
            guard !units.isEmpty else { return }
            out.append(UInt8(ascii: "&"))
            var bits: UInt32 = 0
            var held: UInt32 = 0
            for unit in units {
                bits = bits << 16 | UInt32(unit)
                held += 16
                while held >= 6 {
                    held -= 6
                    out.append(digits[Int(bits >> held & 63)])
                }
                bits &= (1 << held) - 1
            }
            if held > 0 { out.append(digits[Int(bits << (6 - held) & 63)]) }
            out.append(UInt8(ascii: "-"))
            units.removeAll()
        }
        for scalar in text.unicodeScalars {
            if scalar.value >= 0x20, scalar.value <= 0x7E {
                flush()
                out.append(UInt8(scalar.value))
                if scalar == "&" { out.append(UInt8(ascii: "-")) }
            } else {
                units.append(contentsOf: String(scalar).utf16)
            }
        }
        flush()
        return out
    }

    /// `nil` when `bytes` are not the one valid encoding of a text: 8-bit octets, an unended or empty
    /// shift, printable US-ASCII inside a shift, unpaired surrogates, non-zero padding bits.
    public static func decode(_ bytes: some Collection<UInt8>) -> String? {
        var text = ""
        var units: [UInt16] = []
        var bits: UInt32 = 0
        var held: UInt32 = 0
        var shifted = false
        var justLeft = false
        var shiftLength = 0
        for byte in bytes {
            guard byte >= 0x20, byte <= 0x7E else { return nil }
            if !shifted {
                if byte == UInt8(ascii: "&") {
                    shifted = true
                    shiftLength = 0
                    bits = 0
                    held = 0
                    units.removeAll()
                } else {
                    text.unicodeScalars.append(Unicode.Scalar(byte))
                    justLeft = false
                }
                continue
            }
            if byte == UInt8(ascii: "-") {
                shifted = false
                if shiftLength == 0 {
                    text.append("&")
                    justLeft = false
                    continue
                }
                // Two shifts in a row would be a second encoding of the same text.
                guard !justLeft, held < 6, bits == 0, !units.isEmpty,
                    let decoded = decodeUnits(units)
                else { return nil }
                text.append(contentsOf: decoded)
                justLeft = true
                continue
            }
            guard let digit = digits.firstIndex(of: byte) else { return nil }
            shiftLength += 1
            bits = bits << 6 | UInt32(digit)
            held += 6
            if held >= 16 {
                held -= 16
                units.append(UInt16(truncatingIfNeeded: bits >> held))
                bits &= (1 << held) - 1
            }
        }
        return shifted ? nil : text
    }

    private static func decodeUnits(_ units: [UInt16]) -> String? {
        for unit in units where unit >= 0x20 && unit <= 0x7E { return nil }
        return String(validating: units, as: UTF16.self)
    }
}
