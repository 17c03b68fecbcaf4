public import NIOCore

/// One end of a connection, in the forms limits and log lines want.
public struct PeerAddress: Hashable, Sendable, CustomStringConvertible {
    public enum Kind: Hashable, Sendable {
        case ipv4
        case ipv6
        case unix
    }

    public let kind: Kind
    /// The address without port: `192.0.2.1`, `2001:db8::1`; empty for a unix socket. An IPv4 address that
    /// came in over an IPv6 socket has its IPv4 form.
    public let text: String
    /// The port; 0 for a unix socket.
    public let port: UInt16
    /// Whether the peer is this machine: 127.0.0.0/8, ::1 or a unix socket, as the kernel tells. Never what a proxy told.
    public private(set) var isLocal: Bool
    /// What per-address limits count by: the IPv4 address, the IPv6 /64; empty for a unix socket.
    public let limitKey: [UInt8]

    /// `nil`: of whom nothing is known, `0.0.0.0`, and not local.
    public init(_ address: SocketAddress?) {
        switch address {
        case .v4(let v4):
            // struct sockaddr_in: family, port, address.
            let octets = withUnsafeBytes(of: v4.address) { [UInt8]($0) }
            self.init(v4: [UInt8](octets[4..<8]), port: UInt16(octets[2]) << 8 | UInt16(octets[3]))
        case .v6(let v6):
            // struct sockaddr_in6: family, port, flow, address.
            let octets = withUnsafeBytes(of: v6.address) { [UInt8]($0) }
            let host = [UInt8](octets[8..<24])
            let port = UInt16(octets[2]) << 8 | UInt16(octets[3])
            if host.starts(with: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]) {
                self.init(v4: [UInt8](host[12...]), port: port)
            } else {
                self.init(
                    kind: .ipv6, text: address?.ipAddress ?? "::", port: port,
                    isLocal: host == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
                    limitKey: [UInt8](host.prefix(8)))
            }
        case .unixDomainSocket: self = .unix
        case .none: self = .unknown
        }
    }

    /// A peer on a unix socket of this machine.
    public static let unix = PeerAddress(kind: .unix, text: "", port: 0, isLocal: true, limitKey: [])

    /// A peer of whom nothing is known, and nothing is to be believed.
    static let unknown = PeerAddress(v4: [0, 0, 0, 0], port: 0)

    private init(kind: Kind, text: String, port: UInt16, isLocal: Bool, limitKey: [UInt8]) {
        self.kind = kind
        self.text = text
        self.port = port
        self.isLocal = isLocal
        self.limitKey = limitKey
    }

    private init(v4 octets: [UInt8], port: UInt16) {
        self.init(
            kind: .ipv4, text: octets.map { String($0) }.joined(separator: "."), port: port,
            isLocal: octets.first == 127, limitKey: octets)
    }

    /// One end of a connection to a proxy, by what the proxy says: that it is on "this machine" would mean the proxy's.
    init(_ endpoint: ProxyHeader.Endpoint) {
        self.init(try? SocketAddress(packedIPAddress: ByteBuffer(bytes: endpoint.address), port: Int(endpoint.port)))
        self.isLocal = false
    }

    /// Whether the other end is on a unix socket of this machine.
    public var isUnix: Bool { self.kind == .unix }

    /// The address for a person: `local` for a unix socket.
    public var description: String { self.kind == .unix ? "local" : self.text }
}
