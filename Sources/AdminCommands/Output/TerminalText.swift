/// Text of others on an administrator's terminal: a Message-ID, a sender's name, what an MTA said.
public enum TerminalText {
    /// The same with `?` in place of what a terminal would obey instead of showing it: control characters, among them the
    /// one that escape sequences begin with, but blanks, line ends and form feeds. In UTF-8 those from U+0080 to U+009F too.
    public static func harmless(_ octets: [UInt8]) -> [UInt8] {
        var out = octets
        for index in out.indices {
            let octet = out[index]
            if octet < 0x20 || octet == 0x7F {
                if ![0x09, 0x0A, 0x0C, 0x0D].contains(octet) { out[index] = UInt8(ascii: "?") }
            } else if octet & 0xE0 == 0x80, index > 0, octets[index - 1] == 0xC2 {
                out[index - 1] = UInt8(ascii: "?")
                out[index] = UInt8(ascii: "?")
            }
        }
        return out
    }
}
