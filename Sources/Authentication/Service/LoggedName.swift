/// Names as log lines have them: `auth_username_chars` may allow characters that would look like other fields of the
/// line.
enum LoggedName {
    /// The longest name in octets; the rest is cut off.
    private static let maximumLength = 256

    /// The name with control characters, blanks, and what fields stand in, as `\xNN`, octet by octet.
    static func text(_ name: String) -> String {
        var out = ""
        var octets = 0
        for scalar in name.unicodeScalars {
            let bytes = String(Character(scalar)).utf8
            octets += bytes.count
            guard octets <= Self.maximumLength else { return out + "..." }
            if Self.isPlain(scalar) {
                out.unicodeScalars.append(scalar)
            } else {
                for byte in bytes {
                    let digits = String(byte, radix: 16)
                    out += digits.utf8.count < 2 ? "\\x0" + digits : "\\x" + digits
                }
            }
        }
        return out
    }

    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII {
            return scalar.value > 0x20 && scalar.value < 0x7F && !"\"(),<>\\".unicodeScalars.contains(scalar)
        }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .spaceSeparator, .surrogate, .privateUse,
            .unassigned:
            return false
        default:
            return true
        }
    }
}
