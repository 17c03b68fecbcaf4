import MailCore

/// Makes texts from peers safe for a log line: nothing in them can end the line, move the cursor of the
/// administrator's terminal, or close the brackets a field stands in.
public enum LogText {
    /// The longest message in octets; the rest is cut off.
    static let maximumLength = 8192

    /// Appends `text` with control characters (C0, DEL, C1, line separators) as `\xNN`.
    static func append(_ text: some StringProtocol, to line: inout [UInt8]) {
        var text = String(text)
        text.withUTF8 { octets in
            var index = 0
            let end = min(octets.count, Self.maximumLength)
            while index < end {
                let octet = octets[index]
                if octet < 0x20 || octet == 0x7F {
                    Self.appendHex(octet, to: &line)
                } else if octet == 0xC2, index + 1 < octets.count, octets[index + 1] < 0xA0 {
                    Self.appendHex(octets[index + 1], to: &line)
                    index += 1
                } else if octet == 0xE2, index + 2 < octets.count, octets[index + 1] == 0x80,
                    octets[index + 2] & 0xFE == 0xA8
                {
                    line.append("\\x2028")
                    index += 2
                } else {
                    line.append(octet)
                }
                index += 1
            }
            if octets.count > Self.maximumLength { line.append("...") }
        }
    }

    /// A text from a peer as the value of a `<...>` field: `>` and control characters become `\xNN`, and it
    /// is cut at 256 octets.
    public static func field(_ text: String) -> String {
        var line: [UInt8] = []
        var count = 0
        for octet in text.utf8 {
            if count == 256 {
                line.append("...")
                break
            }
            count += 1
            if octet < 0x20 || octet == 0x7F || octet == 0x3E || octet == 0x5C {
                Self.appendHex(octet, to: &line)
            } else {
                line.append(octet)
            }
        }
        return String(decoding: line, as: UTF8.self)
    }

    private static func appendHex(_ octet: UInt8, to line: inout [UInt8]) {
        line.append("\\x")
        line.appendHex(octet)
    }
}
