import MailCore

/// How a wire form may show octets above 0x7F.
public enum WireCharset: Sendable {
    /// US-ASCII only: such text becomes encoded words (RFC 2047), for clients that did not ask for UTF-8.
    case ascii
    /// Valid UTF-8 as it is, for clients that enabled UTF8=ACCEPT or IMAP4rev2 (RFC 6855, RFC 9051);
    /// anything else as encoded words.
    case utf8
}

/// IMAP strings in ENVELOPE and BODYSTRUCTURE: always quoted strings, well-formed whatever goes in.
enum WireString {
    static func appendNIL(to out: inout [UInt8]) { out.append("NIL") }

    /// A quoted string; NUL, CR and LF are dropped.
    static func append(_ text: [UInt8], charset: WireCharset, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        if text.contains(where: { $0 >= 0x80 }), charset == .ascii || !UTF8Text.isValid(text) {
            var encoded: [UInt8] = []
            EncodedWord.encodeRaw(text, into: &encoded)
            self.appendQuoted(encoded, to: &out)
        } else {
            self.appendQuoted(text, to: &out)
        }
        out.append(UInt8(ascii: "\""))
    }

    static func append(_ text: [UInt8]?, charset: WireCharset, to out: inout [UInt8]) {
        if let text { self.append(text, charset: charset, to: &out) } else { self.appendNIL(to: &out) }
    }

    private static func appendQuoted(_ text: [UInt8], to out: inout [UInt8]) {
        for byte in text where byte != 0 && byte != 0x0D && byte != 0x0A {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { out.append(UInt8(ascii: "\\")) }
            out.append(byte)
        }
    }
}
