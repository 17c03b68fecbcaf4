import MailCore

/// An address of an envelope or header, quoting removed.
public struct SieveAddress: Sendable, Equatable {
    public var localPart: [UInt8]
    /// `nil`: there is none, so the address is not valid as such.
    public var domain: [UInt8]?

    public init(localPart: [UInt8], domain: [UInt8]?) {
        self.localPart = localPart
        self.domain = domain
    }

    /// Splits `local@domain`, without brackets, route and quoting, at the last `@`. `nil` for the empty text,
    /// which is the null sender.
    public init?(envelope text: String) {
        let octets = Array(text.utf8)
        guard !octets.isEmpty else { return nil }
        if let at = octets.lastIndex(of: UInt8(ascii: "@")) {
            self.init(localPart: Array(octets[..<at]), domain: Array(octets[(at + 1)...]))
        } else {
            self.init(localPart: octets, domain: nil)
        }
    }

    /// Reads an address as people and `quoted` write it: of a local part in quotes these are removed.
    public init?(quoted text: String) {
        guard var address = SieveAddress(envelope: text) else { return nil }
        let local = address.localPart
        if local.count > 1, local.first == UInt8(ascii: "\""), local.last == UInt8(ascii: "\"") {
            address.localPart = []
            var isEscaped = false
            for byte in local.dropFirst().dropLast() {
                isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
                if !isEscaped { address.localPart.append(byte) }
            }
        }
        self = address
    }

    /// The address as RFC 5321 section 4.1.2 writes it: the local part quoted where it must be.
    public var quoted: String {
        let isPlain = self.localPart.allSatisfy { byte in
            switch byte {
            case 0x00...0x20, 0x7F: false
            case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "<"), UInt8(ascii: ">"),
                UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: ":"), UInt8(ascii: ";"),
                UInt8(ascii: "@"), UInt8(ascii: "\\"), UInt8(ascii: ","), UInt8(ascii: "\""):
                false
            default: true
            }
        }
        var text = self.localPart
        if !isPlain || text.isEmpty {
            text = [UInt8(ascii: "\"")]
            for byte in self.localPart {
                if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                    text.append(UInt8(ascii: "\\"))
                }
                text.append(byte)
            }
            text.append(UInt8(ascii: "\""))
        }
        if let domain = self.domain { text += [UInt8(ascii: "@")] + domain }
        return String(decoding: text, as: UTF8.self)
    }

    /// `local@domain`, not quoted.
    var whole: [UInt8] { self.domain.map { self.localPart + [UInt8(ascii: "@")] + $0 } ?? self.localPart }
}

/// A tag that chooses a part of addresses.
struct AddressPartDefinition: Sendable {
    /// In lower case, without the colon.
    var name: String
    var capability: String?
    /// `nil`: the address has no such part, and nothing matches.
    var part: @Sendable (SieveAddress, SievePolicy) -> [UInt8]?

    static let all = AddressPartDefinition(name: "all") { address, _ in address.whole }

    /// RFC 5228 section 2.7.4.
    static let base = [
        all,
        // An address without one of both is not valid: neither part matches.
        AddressPartDefinition(name: "localpart") { address, _ in
            address.domain == nil || address.localPart.isEmpty ? nil : address.localPart
        },
        AddressPartDefinition(name: "domain") { address, _ in address.localPart.isEmpty ? nil : address.domain },
    ]

    init(
        name: String, capability: String? = nil,
        part: @escaping @Sendable (SieveAddress, SievePolicy) -> [UInt8]?
    ) {
        self.name = name
        self.capability = capability
        self.part = part
    }
}
