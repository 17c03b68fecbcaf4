internal import MailCore

/// The first line of an answer.
///
/// ```
/// +OK 2 320
/// -ERR [AUTH] Authentication failed.
/// ```
public struct POP3Response: Equatable, Sendable {
    /// What went wrong, where clients can act on it (RFC 2449 section 8, RFC 3206 section 4).
    public enum Code: String, Sendable {
        case inUse = "IN-USE"
        /// The user's name or password.
        case auth = "AUTH"
        /// Something that may work later.
        case temporary = "SYS/TEMP"
    }

    public let isOK: Bool
    public let code: Code?
    public let text: String

    /// `+OK text`.
    public static func ok(_ text: String = "") -> POP3Response {
        POP3Response(isOK: true, code: nil, text: text)
    }

    /// `-ERR text`.
    public static func error(_ text: String) -> POP3Response {
        POP3Response(isOK: false, code: nil, text: text)
    }

    /// `-ERR [CODE] text`.
    public static func error(_ code: Code, _ text: String) -> POP3Response {
        POP3Response(isOK: false, code: code, text: text)
    }

    private init(isOK: Bool, code: Code?, text: String) {
        self.isOK = isOK
        self.code = code
        self.text = text
    }

    /// Appends the line with its end. Control characters in the text become `?`; it is cut after 480 octets.
    public func encode(into out: inout [UInt8]) {
        out.append(self.isOK ? "+OK" : "-ERR")
        if let code = self.code {
            out.append(" [")
            out.append(contentsOf: code.rawValue.utf8)
            out.append("]")
        }
        if !self.text.isEmpty {
            out.append(UInt8(ascii: " "))
            for byte in self.text.utf8.prefix(480) {
                out.append(byte < 0x20 || byte == 0x7F ? UInt8(ascii: "?") : byte)
            }
        }
        out.append("\r\n")
    }
}

/// Lines of the listings that end in a lone dot.
public enum POP3Listing {
    /// `number size`, as LIST has it.
    public static func encode(_ number: Int, size: UInt32, into out: inout [UInt8]) {
        out.appendDecimal(UInt64(number))
        out.append(UInt8(ascii: " "))
        out.appendDecimal(UInt64(size))
        out.append("\r\n")
    }

    /// `number unique-id`, as UIDL has it.
    public static func encode(_ number: Int, uniqueID: [UInt8], into out: inout [UInt8]) {
        out.appendDecimal(UInt64(number))
        out.append(UInt8(ascii: " "))
        out.append(contentsOf: uniqueID)
        out.append("\r\n")
    }

    /// A line of text that begins with no dot, as CAPA has it.
    public static func encode(_ line: String, into out: inout [UInt8]) {
        out.append(contentsOf: line.utf8)
        out.append("\r\n")
    }

    /// The end of a listing.
    public static func end(into out: inout [UInt8]) { out.append(".\r\n") }
}
