/// A string of JSON (RFC 8259 section 7).
public enum JSONString {
    /// Appends octets as a string in quotes. What is no UTF-8 is repaired.
    public static func append(_ octets: some Collection<UInt8>, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        for octet in String(decoding: octets, as: UTF8.self).utf8 {
            switch octet {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                out.append(UInt8(ascii: "\\"))
                out.append(octet)
            case 0x0A: out.append(contentsOf: "\\n".utf8)
            case 0x0D: out.append(contentsOf: "\\r".utf8)
            case 0x09: out.append(contentsOf: "\\t".utf8)
            case 0x00...0x1F, 0x7F:
                out.append(contentsOf: "\\u00".utf8)
                out.appendHex(octet)
            default: out.append(octet)
            }
        }
        out.append(UInt8(ascii: "\""))
    }
}
