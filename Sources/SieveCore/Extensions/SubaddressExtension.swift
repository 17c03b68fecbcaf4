extension SieveExtension {
    /// RFC 5233. The separator is the site's `recipient_delimiter`.
    static let subaddress = SieveExtension(
        capability: "subaddress",
        addressParts: [
            AddressPartDefinition(name: "user", capability: "subaddress") { address, settings in
                guard address.domain != nil, !address.localPart.isEmpty else { return nil }
                return Subaddress.split(address.localPart, settings).user
            },
            AddressPartDefinition(name: "detail", capability: "subaddress") { address, settings in
                guard address.domain != nil, !address.localPart.isEmpty else { return nil }
                return Subaddress.split(address.localPart, settings).detail
            },
        ])
}

enum Subaddress {
    /// `detail` is `nil` where there is no separator.
    static func split(_ localPart: [UInt8], _ settings: SievePolicy) -> (user: [UInt8], detail: [UInt8]?) {
        let separators = Array(settings.recipientDelimiter.utf8)
        guard let place = localPart.firstIndex(where: separators.contains) else { return (localPart, nil) }
        return (Array(localPart[..<place]), Array(localPart[(place + 1)...]))
    }
}
