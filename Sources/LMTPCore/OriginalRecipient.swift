import MailCore

/// The ORCPT parameter of RCPT: `rfc822;` and an address in xtext (RFC 3461 sections 4.2 and 4).
enum OriginalRecipient {
    /// `nil` for other address types and for what is no address: the parameter only informs, so the recipient is
    /// taken all the same.
    static func parse(_ value: [UInt8]) -> EnvelopeAddress? {
        guard let semicolon = value.firstIndex(of: UInt8(ascii: ";")) else { return nil }
        let type = value[..<semicolon]
        guard ASCII.equalsIgnoringCase(type, "rfc822".utf8) || ASCII.equalsIgnoringCase(type, "utf-8".utf8),
            let text = Xtext.decode(value[(semicolon + 1)...]),
            let (path, end) = PathParser.parse(text.span, from: 0), end == text.count,
            case .address(let address) = path
        else { return nil }
        return address
    }
}
