/// Lines of fields between TABs, as the auth and admin sockets and some of Dovecot's files have them: the octet 0x01
/// introduces `0` NUL, `1` 0x01, `t` TAB, `r` CR, `n` LF, so that a field may hold any octets.
public enum EscapedFields {
    /// Appends a field, or a part of one.
    @inlinable
    public static func append(_ field: some Sequence<UInt8>, to out: inout [UInt8]) {
        for byte in field {
            switch byte {
            case 0x00: out.append("\u{1}0")
            case 0x01: out.append("\u{1}1")
            case 0x09: out.append("\u{1}t")
            case 0x0A: out.append("\u{1}n")
            case 0x0D: out.append("\u{1}r")
            default: out.append(byte)
            }
        }
    }

    /// The fields of a line given without its LF. Never fails: an unknown or cut escape stands for its own octet.
    @inlinable
    public static func split(_ line: some Sequence<UInt8>) -> [[UInt8]] {
        var fields: [[UInt8]] = []
        var field: [UInt8] = []
        var isEscaped = false
        for byte in line {
            if isEscaped {
                isEscaped = false
                field.append(self.octet(escapedAs: byte))
            } else if byte == 0x01 {
                isEscaped = true
            } else if byte == 0x09 {
                fields.append(field)
                field = []
            } else {
                field.append(byte)
            }
        }
        fields.append(field)
        return fields
    }

    /// The octets of one field, in which a TAB is one of them.
    @inlinable
    public static func unescaped(_ field: some Sequence<UInt8>) -> [UInt8] {
        var out: [UInt8] = []
        var isEscaped = false
        for byte in field {
            if !isEscaped, byte == 0x01 {
                isEscaped = true
            } else {
                out.append(isEscaped ? self.octet(escapedAs: byte) : byte)
                isEscaped = false
            }
        }
        return out
    }

    @usableFromInline
    static func octet(escapedAs byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "0"): 0x00
        case UInt8(ascii: "1"): 0x01
        case UInt8(ascii: "t"): 0x09
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        default: byte
        }
    }
}
