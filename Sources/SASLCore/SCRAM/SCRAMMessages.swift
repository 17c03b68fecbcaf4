import MailCore

/// The client's first message (RFC 5802 section 7): `n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL`.
struct SCRAMClientFirst: Hashable, Sendable {
    enum Binding: Hashable, Sendable {
        /// `n`: the client has none.
        case none
        /// `y`: it has, and thinks that the server has not.
        case unsupportedByServer
        /// `p=`: it uses this one.
        case named(String)
    }

    let binding: Binding
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
        guard message.count <= Self.maximumLength else { return nil }
        let fields = message.split(separator: UInt8(ascii: ","), maxSplits: 2, omittingEmptySubsequences: false)
        guard fields.count == 3 else { return nil }
        switch (fields[0].first, fields[0].count) {
        case (UInt8(ascii: "n"), 1): self.binding = .none
        case (UInt8(ascii: "y"), 1): self.binding = .unsupportedByServer
        case (UInt8(ascii: "p"), 3...):
            guard fields[0].dropFirst().first == UInt8(ascii: "="), fields[0].dropFirst(2).allSatisfy(Self.isNameOctet)
            else { return nil }
            self.binding = .named(String(decoding: fields[0].dropFirst(2), as: UTF8.self))
        default: return nil
        }
        if fields[1].isEmpty {
            self.authorizationIdentity = nil
        } else {
            guard let value = SCRAMAttribute.value("a", fields[1]), let name = Self.name(value) else { return nil }
            self.authorizationIdentity = name
        }
        self.header = Array(message[..<fields[2].startIndex])
        self.bare = Array(fields[2])
        let attributes = self.bare.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        // What may follow are extensions, to be ignored; `m=` before the name would be one that may not.
        guard attributes.count >= 2, let value = SCRAMAttribute.value("n", attributes[0]), let user = Self.name(value),
            let nonce = SCRAMAttribute.value("r", attributes[1]), (1...Self.maximumNonce).contains(nonce.count),
            nonce.allSatisfy(SCRAMAttribute.isPrintable), attributes.dropFirst(2).allSatisfy(SCRAMAttribute.isExtension)
        else { return nil }
        self.user = user
        self.nonce = Array(nonce)
    }

    private static func isNameOctet(_ octet: UInt8) -> Bool {
        ASCII.isLetter(octet) || ASCII.isDigit(octet) || octet == UInt8(ascii: ".") || octet == UInt8(ascii: "-")
    }

    /// A name with `=2C` for a comma and `=3D` for an equals sign.
    private static func name(_ text: ArraySlice<UInt8>) -> String? {
        guard !text.isEmpty, text.count <= SASLCredentials.maximumLength, !text.contains(0) else { return nil }
        var octets: [UInt8] = []
        var rest = text
        while let octet = rest.popFirst() {
            guard octet == UInt8(ascii: "=") else {
                octets.append(octet)
                continue
            }
            if rest.starts(with: "2C".utf8) {
                octets.append(UInt8(ascii: ","))
            } else if rest.starts(with: "3D".utf8) {
                octets.append(UInt8(ascii: "="))
            } else {
                return nil
            }
            rest = rest.dropFirst(2)
        }
        return String(validating: octets, as: UTF8.self)
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
