import MailCore

/// The client's first message (RFC 5802 section 7): `n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL`.
struct SCRAMClientFirst: Hashable, Sendable {
    let binding: GS2Header.Binding
    let authorizationIdentity: String?
    let user: String
    let nonce: [UInt8]
    /// The octets that the later proof covers.
    let header: [UInt8]
    let bare: [UInt8]

    static let maximumLength = 4096
    private static let maximumNonce = 1024

    /// `nil` when the message breaks the grammar or asks for an extension that has to be understood.
    init?(_ message: [UInt8]) {
        guard message.count <= Self.maximumLength, let header = GS2Header(message) else { return nil }
        self.binding = header.binding
        self.authorizationIdentity = header.authorizationIdentity
        self.header = Array(message[..<header.end])
        self.bare = Array(message[header.end...])
        let attributes = self.bare.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        // What may follow are extensions, to be ignored; `m=` before the name would be one that may not.
        guard attributes.count >= 2, let value = SCRAMAttribute.value("n", attributes[0]), let user = GS2Header.name(value),
            let nonce = SCRAMAttribute.value("r", attributes[1]), (1...Self.maximumNonce).contains(nonce.count),
            nonce.allSatisfy(SCRAMAttribute.isPrintable), attributes.dropFirst(2).allSatisfy(SCRAMAttribute.isExtension)
        else { return nil }
        self.user = user
        self.nonce = Array(nonce)
    }
}

/// The client's last message: `c=biws,r=nonces,p=proof`.
struct SCRAMClientFinal: Hashable, Sendable {
    let binding: [UInt8]
    let nonce: [UInt8]
    let proof: [UInt8]
    let withoutProof: [UInt8]

    /// `nil` when the message breaks the grammar.
    init?(_ message: [UInt8]) {
        guard message.count <= SCRAMClientFirst.maximumLength else { return nil }
        let attributes = message.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        guard attributes.count >= 3, let last = attributes.last,
            let binding = SCRAMAttribute.value("c", attributes[0]).flatMap({ Base64.decode($0) }),
            let nonce = SCRAMAttribute.value("r", attributes[1]),
            let proof = SCRAMAttribute.value("p", last).flatMap({ Base64.decode($0) }),
            attributes[2..<(attributes.count - 1)].allSatisfy(SCRAMAttribute.isExtension)
        else { return nil }
        self.binding = binding
        self.nonce = Array(nonce)
        self.proof = proof
        self.withoutProof = Array(message[..<(last.startIndex - 1)])
    }
}

/// One `x=value` of a message.
private enum SCRAMAttribute {
    static func value(_ name: Unicode.Scalar, _ text: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard text.starts(with: [UInt8(ascii: name), UInt8(ascii: "=")]) else { return nil }
        return text.dropFirst(2)
    }

    static func isExtension(_ text: ArraySlice<UInt8>) -> Bool {
        guard let name = text.first, ASCII.isLetter(name), name != UInt8(ascii: "m") else { return false }
        return text.count > 2 && text.dropFirst().first == UInt8(ascii: "=") && !text.contains(0)
    }

    static func isPrintable(_ octet: UInt8) -> Bool { 0x21...0x7E ~= octet && octet != UInt8(ascii: ",") }
}
