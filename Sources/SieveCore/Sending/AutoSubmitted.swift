import MIMECore
import MailCore

/// What an Auto-Submitted field says (RFC 3834 section 5).
enum AutoSubmitted {
    /// Whether a program has made the message: so say all words but `no`. Comments may stand around them.
    static func isAutomatic(_ body: Octets) -> Bool {
        var text: [UInt8] = []
        var depth = 0
        var isEscaped = false
        for byte in body[0..<500].buffer {
            if isEscaped {
                isEscaped = false
                continue
            }
            switch byte {
            case UInt8(ascii: "("): depth += 1
            case UInt8(ascii: ")") where depth > 0: depth -= 1
            case UInt8(ascii: "\\") where depth > 0: isEscaped = true
            default: if depth == 0 { text.append(byte) }
            }
        }
        let word = text.drop { $0 <= 0x20 }.prefix { $0 > 0x20 && $0 != UInt8(ascii: ";") }
        return !ASCII.equalsIgnoringCase(word, "no".utf8)
    }
}
