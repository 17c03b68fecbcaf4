import Testing

@testable import ServerCore

/// The PROXY protocol of HAProxy (proxy-protocol.txt), versions 1 and 2.
@Suite struct ProxyHeaderTests {
    private static func read(_ text: String) -> ProxyHeader.Step { ProxyHeader.read(Array(text.utf8).span) }

    private static func client(
        _ source: [UInt8], _ sourcePort: UInt16, _ destination: [UInt8], _ destinationPort: UInt16, tls: Bool = false
    ) -> ProxyHeader {
        ProxyHeader(
            origin: .client(
                source: .init(address: source, port: sourcePort),
                destination: .init(address: destination, port: destinationPort)), isEncrypted: tls)
    }

    private static let ipv6: [UInt8] = [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1]

    @Test func linesTellAddresses() {
        let line = "PROXY TCP4 192.0.2.1 198.51.100.2 56324 143\r\n"
        #expect(
            Self.read(line + "a LOGIN")
                == .header(Self.client([192, 0, 2, 1], 56324, [198, 51, 100, 2], 143), length: line.utf8.count))
        let six = "PROXY TCP6 2001:db8::1 ::1 1 65535\r\n"
        let loopback = [UInt8](repeating: 0, count: 15) + [1]
        #expect(Self.read(six) == .header(Self.client(Self.ipv6, 1, loopback, 65535), length: six.utf8.count))
        #expect(Self.read("PROXY UNKNOWN\r\n") == .header(ProxyHeader(origin: .unknown), length: 15))
        let long = "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"
        #expect(Self.read(long) == .header(ProxyHeader(origin: .unknown), length: long.utf8.count))
    }

    @Test(arguments: ["PROXY TCP4 192.0.2.1 198.51.100.2 56324 143\r\n", "PROXY UNKNOWN\r\n"])
    func linesMayComeInPieces(_ line: String) {
        let octets = Array(line.utf8)
        for count in 0..<octets.count {
            #expect(ProxyHeader.read(Array(octets.prefix(count)).span) == .needMore, "\(count)")
        }
    }

    @Test(arguments: [
        "a LOGIN\r\n", "PROXX", "PROXY\r\n", "PROXY \r\n", "PROXY TCP4\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
        "PROXY TCP4 192.0.2.1  192.0.2.2 1 2\r\n", "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
        "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n", "PROXY TCP4 192.0.2 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1\0 192.0.2.2 1 2\r\n", "PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY UNKNOWN " + String(repeating: "x", count: 100),
    ])
    func otherLinesAreRefused(_ text: String) {
        guard case .malformed = Self.read(text) else {
            Issue.record("taken for a header: \(Self.read(text))")
            return
        }
    }

    private static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A] + Array("QUIT\n".utf8)

    private static func binary(_ command: UInt8, _ family: UInt8, _ body: [UInt8]) -> [UInt8] {
        self.signature + [command, family, UInt8(body.count >> 8), UInt8(body.count & 0xFF)] + body
    }

    private static func field(_ type: UInt8, _ value: [UInt8]) -> [UInt8] {
        [type, UInt8(value.count >> 8), UInt8(value.count & 0xFF)] + value
    }

    private static let four: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 2, 0xDC, 0x04, 0x00, 0x8F]

    @Test func binaryHeadersTellAddresses() {
        let header = Self.binary(0x21, 0x11, Self.four)
        #expect(
            ProxyHeader.read((header + Array("a LOGIN".utf8)).span)
                == .header(Self.client([192, 0, 2, 1], 56324, [198, 51, 100, 2], 143), length: header.count))
        for count in 0..<header.count {
            #expect(ProxyHeader.read(Array(header.prefix(count)).span) == .needMore, "\(count)")
        }
        let six = Self.binary(0x21, 0x21, Self.ipv6 + Self.ipv6 + [0, 1, 0xFF, 0xFF])
        #expect(ProxyHeader.read(six.span) == .header(Self.client(Self.ipv6, 1, Self.ipv6, 65535), length: six.count))
    }

    /// PP2_TYPE_SSL says whether the client speaks TLS, not merely that it could.
    @Test func binaryHeadersTellOfTLS() {
        let verified: [UInt8] = [0, 0, 0, 0]
        let version = Self.field(0x21, Array("TLSv1.3".utf8))
        for (value, tls) in [
            ([0x01] + verified + version, true), ([0x07] + verified, true), ([0x00] + verified, false),
            ([0x06] + verified, false), ([], false), ([0x01], false), ([0x01, 0, 0, 0], false),
        ] as [([UInt8], Bool)] {
            let header = Self.binary(
                0x21, 0x11, Self.four + Self.field(0x02, Array("mail.example.org".utf8)) + Self.field(0x20, value))
            #expect(
                ProxyHeader.read(header.span)
                    == .header(
                        Self.client([192, 0, 2, 1], 56324, [198, 51, 100, 2], 143, tls: tls), length: header.count))
        }
    }

    @Test func binaryHeadersWithoutAnAddressOfUse() {
        for (command, family, body, origin) in [
            (0x20, 0x00, [], .unknown), (0x20, 0x11, Self.four, .unknown), (0x20, 0xFF, [1], .unknown),
            (0x21, 0x00, [], .unknown), (0x21, 0x12, Self.four, .unknown),
            (0x21, 0x31, [UInt8](repeating: 0x2F, count: 216), .unknown),
        ] as [(UInt8, UInt8, [UInt8], ProxyHeader.Origin)] {
            let header = Self.binary(command, family, body)
            #expect(
                ProxyHeader.read(header.span) == .header(ProxyHeader(origin: origin), length: header.count),
                "\(command) \(family)")
        }
    }

    @Test func otherBinaryHeadersAreRefused() {
        for header in [
            Self.binary(0x11, 0x11, Self.four), Self.binary(0x22, 0x11, Self.four), Self.binary(0x21, 0x41, Self.four),
            Self.binary(0x21, 0x13, Self.four), Self.binary(0x21, 0x11, Self.four.dropLast()),
            Self.binary(0x21, 0x21, Self.four), Self.binary(0x21, 0x11, Self.four + [0x20]),
            Self.binary(0x21, 0x11, Self.four + [0x20, 0x00, 0x02, 0x01]), [0x0D, 0x0A, 0x0D, 0x0A, 0x01],
        ] {
            guard case .malformed = ProxyHeader.read(header.span) else {
                Issue.record("taken for a header: \(header)")
                continue
            }
        }
    }
}
