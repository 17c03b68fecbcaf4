import MailCore

/// Headers in US-ASCII, for clients that did not ask for UTF-8 (RFC 6855 section 8).
///
/// A field whose octets over 0x7F are UTF-8 (RFC 6532) is written anew: text and display names as encoded words,
/// parameters as RFC 2231 has them, and an address that cannot be written in US-ASCII as the name of an empty group,
/// which shows it and cannot be replied to. All other fields stay as they are: of 8-bit text in no known charset clients
/// guess better than we could.
public enum HeaderDowngrade {
    /// Lines are folded behind so many octets where there is a space.
    private static let lineLength = 76

    /// Appends a header, or some fields of one, with its empty line if it has one.
    public static func append(_ header: Octets, to out: inout [UInt8]) {
        var scanner = HeaderScanner(header)
        while let field = scanner.next() {
            let octets = header[field.range]
            guard !field.name.isEmpty, octets.containsEightBit, UTF8Text.isValid(Array(octets.buffer)),
                !header[field.name].containsEightBit
            else {
                out.append(contentsOf: octets.buffer)
                continue
            }
            out.append(contentsOf: header[field.name].buffer)
            out.append(contentsOf: [UInt8(ascii: ":"), 0x20])
            let value = Self.value(header[field.name], header[field.body])
            Self.appendFolded(value, after: field.name.count + 2, to: &out)
            out.append(contentsOf: [0x0D, 0x0A])
        }
        if scanner.hasEmptyLine { out.append(contentsOf: [0x0D, 0x0A]) }
    }

    private static func value(_ name: Octets, _ body: Octets) -> [UInt8] {
        if Self.addressFields.contains(where: { name.equals(lowercase: $0) }) { return Self.addresses(body) }
        if name.equals(lowercase: "content-type"), let value = MIMEValue.contentType(body) {
            return Self.parameters(value)
        }
        if name.equals(lowercase: "content-disposition"), let value = MIMEValue.disposition(body) {
            return Self.parameters(value)
        }
        var text: [UInt8] = []
        HeaderBody.appendCollapsed(body, to: &text)
        return EncodedWord.encode(text)
    }

    private static let addressFields: [StaticString] = [
        "from", "sender", "reply-to", "to", "cc", "bcc", "resent-from", "resent-sender", "resent-to", "resent-cc",
        "resent-bcc", "resent-reply-to", "return-path", "disposition-notification-to", "delivered-to",
        "x-original-to", "mail-followup-to", "mail-reply-to",
    ]

    // MARK: Addresses

    private static func addresses(_ body: Octets) -> [UInt8] {
        var out: [UInt8] = []
        var isFirst = true
        func separate() {
            if !isFirst { out.append(contentsOf: [UInt8(ascii: ","), 0x20]) }
            isFirst = false
        }
        for address in AddressParser(body) {
            switch address {
            case .mailbox(let name, _, let mailbox, let host):
                separate()
                var name = name ?? []
                let address = (mailbox ?? []) + (host.map { [UInt8(ascii: "@")] + $0 } ?? [])
                if address.contains(where: { $0 >= 0x80 }) {
                    if !name.isEmpty { name.append(0x20) }
                    name.append(UInt8(ascii: "<"))
                    name.append(contentsOf: address)
                    name.append(UInt8(ascii: ">"))
                    Self.appendPhrase(name, to: &out)
                    out.append(contentsOf: " :;".utf8)
                } else if name.isEmpty {
                    Self.appendAddress(mailbox, host, to: &out)
                } else {
                    Self.appendPhrase(name, to: &out)
                    out.append(contentsOf: " <".utf8)
                    Self.appendAddress(mailbox, host, to: &out)
                    out.append(UInt8(ascii: ">"))
                }
            case .groupStart(let name):
                separate()
                Self.appendPhrase(name, to: &out)
                out.append(contentsOf: ": ".utf8)
                isFirst = true
            case .groupEnd:
                out.append(UInt8(ascii: ";"))
                isFirst = false
            }
        }
        return out
    }

    /// A display name: encoded words, or a quoted string where that is enough.
    private static func appendPhrase(_ text: [UInt8], to out: inout [UInt8]) {
        if text.contains(where: { $0 >= 0x80 }) {
            // Whatever has a meaning in a phrase goes into the words too.
            out.append(contentsOf: EncodedWord.encodeAll(text))
        } else {
            Self.appendWord(text, alsoPlain: 0x20, to: &out)
        }
    }

    private static func appendAddress(_ mailbox: [UInt8]?, _ host: [UInt8]?, to out: inout [UInt8]) {
        Self.appendWord(mailbox ?? [], alsoPlain: UInt8(ascii: "."), to: &out)
        if let host {
            out.append(UInt8(ascii: "@"))
            out.append(contentsOf: host)
        }
    }

    /// As it is, or as a quoted string.
    private static func appendWord(_ text: [UInt8], alsoPlain: UInt8, to out: inout [UInt8]) {
        let isPlain = text.allSatisfy {
            ASCII.isLetter($0) || ASCII.isDigit($0) || $0 == alsoPlain
                || "!#$%&'*+-/=?^_`{|}~".utf8.contains($0)
        }
        guard !isPlain || text.isEmpty else {
            out.append(contentsOf: text)
            return
        }
        Self.appendQuoted(text, to: &out)
    }

    /// As a quoted string, without the control characters.
    private static func appendQuoted(_ text: [UInt8], to out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        for byte in text where byte >= 0x20 && byte != 0x7F {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { out.append(UInt8(ascii: "\\")) }
            out.append(byte)
        }
        out.append(UInt8(ascii: "\""))
    }

    // MARK: Parameters

    private static func parameters(_ value: MIMEValue) -> [UInt8] {
        var out = value.value.filter { $0 < 0x80 }
        if let subtype = value.subtype {
            out.append(UInt8(ascii: "/"))
            out.append(contentsOf: subtype.filter { $0 < 0x80 })
        }
        for parameter in value.parameters where parameter.name.allSatisfy({ $0 < 0x80 }) {
            out.append(contentsOf: "; ".utf8)
            out.append(contentsOf: parameter.name)
            if parameter.isExtended, parameter.value.allSatisfy({ $0 < 0x80 }) {
                out.append(contentsOf: "*=".utf8)
                out.append(contentsOf: parameter.value)
            } else if parameter.isExtended || parameter.value.contains(where: { $0 >= 0x80 }) {
                out.append(contentsOf: "*=utf-8''".utf8)
                for byte in parameter.decodedValue() { MIMEValue.appendPercentEncoded(byte, to: &out) }
            } else {
                out.append(UInt8(ascii: "="))
                Self.appendQuoted(parameter.value, to: &out)
            }
        }
        return out
    }

    // MARK: Lines

    /// Appends text with line ends at spaces outside of quoted strings.
    private static func appendFolded(_ text: [UInt8], after used: Int, to out: inout [UInt8]) {
        var column = used
        var piece = 0
        var isQuoted = false
        var isEscaped = false
        func flush(_ end: Int) {
            if column + (end - piece) > Self.lineLength, piece > 0 {
                out.append(contentsOf: [0x0D, 0x0A])
                column = 0
            }
            out.append(contentsOf: text[piece..<end])
            column += end - piece
            piece = end
        }
        for (index, byte) in text.enumerated() {
            if byte == 0x20, !isQuoted, index > piece { flush(index) }
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = isQuoted
            } else if byte == UInt8(ascii: "\"") {
                isQuoted.toggle()
            }
        }
        flush(text.count)
    }
}
