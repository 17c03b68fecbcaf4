import Glibc

/// An IPv4 or IPv6 network, such as `192.0.2.0/24`.
public struct NetworkRange: Hashable, Sendable {
    private let address: [UInt8]
    private let prefix: Int

    /// `nil` when `text` is no address, or its prefix length does not fit.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = Self.parse(String(first)) else { return nil }
        let bits = address.count * 8
        if parts.count == 2 {
            guard let prefix = Int(parts[1]), (0...bits).contains(prefix) else { return nil }
            self.prefix = prefix
        } else {
            self.prefix = bits
        }
        self.address = address
    }

    public func contains(_ text: String) -> Bool {
        guard let other = Self.parse(text), other.count == self.address.count else { return false }
        for bit in stride(from: 0, to: self.prefix, by: 8) {
            let width = min(8, self.prefix - bit)
            let mask = UInt8(truncatingIfNeeded: 0xFF00 >> width)
            if (other[bit / 8] ^ self.address[bit / 8]) & mask != 0 { return false }
        }
        return true
    }

    /// 4 or 16 octets in network order; an IPv4 address mapped into IPv6 counts as IPv4.
    static func parse(_ text: String) -> [UInt8]? {
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 { return withUnsafeBytes(of: &four) { Array($0) } }
        var six = in6_addr()
        guard inet_pton(AF_INET6, text, &six) == 1 else { return nil }
        let bytes = withUnsafeBytes(of: &six) { Array($0) }
        let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
        return bytes.starts(with: mapped) ? Array(bytes[12...]) : bytes
    }
}
