import MailCore

/// What `martlet deliver` says before MAIL, on the socket for programs of this machine: whose mail it brings.
///
///     C: XDELIVER USER=alice MAILBOX=Work+20stuff REJECT=REPLY
///     S: 250 2.0.0 OK
///
/// The values are xtext (RFC 3461 section 4). It holds for the recipients of the next transaction.
public struct LocalDelivery: Sendable, Hashable {
    /// The user by the name of the user database, whatever the address of RCPT is.
    public var user: String
    /// Where the mail goes unless a script says otherwise, spelled as clients spell it; `nil`: INBOX.
    public var mailbox: String?
    /// Whether the refusal of a mail is an answer to the command. Else the sender gets a mail that says so.
    public var answersRejection = false

    public init(user: String, mailbox: String? = nil, answersRejection: Bool = false) {
        self.user = user
        self.mailbox = mailbox
        self.answersRejection = answersRejection
    }

    /// The command line, without line end.
    public var line: String {
        var line = "XDELIVER USER=\(Xtext.encode(self.user))"
        if let mailbox { line += " MAILBOX=\(Xtext.encode(mailbox))" }
        return line + " REJECT=\(self.answersRejection ? "ANSWER" : "MAIL")"
    }

    init?(_ parameters: [(name: [UInt8], value: [UInt8])]) {
        self.init(user: "")
        for (name, value) in parameters {
            if ASCII.equalsIgnoringCase(name, "reject".utf8) {
                self.answersRejection = ASCII.equalsIgnoringCase(value, "answer".utf8)
                continue
            }
            guard let text = Xtext.decode(value[...]).flatMap({ String(validating: $0, as: UTF8.self) }), !text.isEmpty
            else { return nil }
            if ASCII.equalsIgnoringCase(name, "user".utf8) {
                self.user = text
            } else if ASCII.equalsIgnoringCase(name, "mailbox".utf8) {
                self.mailbox = text
            } else {
                return nil
            }
        }
        if self.user.isEmpty { return nil }
    }
}

/// Text without blanks and control characters: `+` and two capital hexadecimal digits stand for an octet (RFC 3461
/// section 4).
public enum Xtext {
    public static func encode(_ text: String) -> String {
        var out: [UInt8] = []
        for byte in text.utf8 {
            if byte > 0x20, byte < 0x7F, byte != UInt8(ascii: "+"), byte != UInt8(ascii: "=") {
                out.append(byte)
            } else {
                out.append(UInt8(ascii: "+"))
                for digit in [byte >> 4, byte & 0x0F] {
                    out.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "A") + digit - 10)
                }
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var out: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "+") else {
                out.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(ASCII.hexValue),
                let low = rest.popFirst().flatMap(ASCII.hexValue)
            else { return nil }
            out.append(high << 4 | low)
        }
        return out
    }
}
