import Glibc

/// A range of addresses, such as `192.0.2.0/24`, `2001:db8::/32` or one address.
public struct IPNetwork: Sendable, Hashable, CustomStringConvertible {
    /// Network order: 4 octets, or 16.
    package let address: [UInt8]
    /// Leading bits that count.
    package let prefixLength: Int

    /// `nil` when `text` is neither an address nor a network. IPv4 in IPv6 (`::ffff:192.0.2.1`) is IPv4.
    public init?(_ text: String) {
        var host = text[...]
        var length: Int?
        if let slash = text.lastIndex(of: "/") {
            guard let bits = Int(text[text.index(after: slash)...]), bits >= 0 else { return nil }
            length = bits
            host = text[..<slash]
        }
        if host.first == "[", host.last == "]" { host = host.dropFirst().dropLast() }
        // A zone (`fe80::1%eth0`) says which interface, not which address.
        if let percent = host.firstIndex(of: "%") { host = host[..<percent] }
        var octets = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, String(host), &octets) == 1 {
            octets.removeLast(12)
        } else if inet_pton(AF_INET6, String(host), &octets) == 1 {
            if octets.prefix(12) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], length ?? 128 >= 96 {
                octets.removeFirst(12)
                length = length.map { $0 - 96 }
            }
        } else {
            return nil
        }
        guard length ?? 0 <= octets.count * 8 else { return nil }
        self.address = octets
        self.prefixLength = length ?? octets.count * 8
    }

    /// As the files have it; without a length when it is one address.
    public var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let family = self.address.count == 4 ? AF_INET : AF_INET6
        guard inet_ntop(family, self.address, &text, socklen_t(text.count)) != nil else { return "" }
        let host = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return self.prefixLength == self.address.count * 8 ? host : "\(host)/\(self.prefixLength)"
    }

    /// Whether `other`, an address or a network, is in this network as a whole.
    public func contains(_ other: IPNetwork) -> Bool {
        guard self.address.count == other.address.count, self.prefixLength <= other.prefixLength else {
            return false
        }
        let whole = self.prefixLength / 8
        guard self.address.prefix(whole) == other.address.prefix(whole) else { return false }
        let rest = self.prefixLength % 8
        guard rest > 0 else { return true }
        let mask = UInt8(truncatingIfNeeded: 0xFF00 >> rest)
        return (self.address[whole] ^ other.address[whole]) & mask == 0
    }
}
