import MailCore

/// What the first message of some mechanisms begins with (RFC 5801 section 4): `n,a=user@example.org,`.
struct GS2Header: Hashable, Sendable {
    enum Binding: Hashable, Sendable {
        /// `n`: the client has none.
        case none
        /// `y`: it has, and thinks that the server has not.
        case unsupportedByServer
        /// `p=`: it uses this one.
        case named(String)
    }

    let binding: Binding
    /// `nil` where the client leaves it to the server.
    let authorizationIdentity: String?
    /// Where in the message the rest begins.
    let end: Int

    /// `nil` when `message` begins with no header.
    init?(_ message: [UInt8]) {
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
            guard fields[1].starts(with: "a=".utf8), let name = Self.name(fields[1].dropFirst(2)) else { return nil }
            self.authorizationIdentity = name
        }
        self.end = fields[2].startIndex
    }

    private static func isNameOctet(_ octet: UInt8) -> Bool {
        ASCII.isLetter(octet) || ASCII.isDigit(octet) || octet == UInt8(ascii: ".") || octet == UInt8(ascii: "-")
    }

    /// A name with `=2C` for a comma and `=3D` for an equals sign.
    static func name(_ text: ArraySlice<UInt8>) -> String? {
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
