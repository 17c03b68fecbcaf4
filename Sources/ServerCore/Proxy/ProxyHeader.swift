internal import Glibc

/// What a proxy says of the connection that it hands on, ahead of all that the client says: the PROXY protocol of
/// HAProxy, version 1 (a line) or 2 (binary).
struct ProxyHeader: Equatable {
    enum Origin: Equatable {
        /// A client of whom the proxy does not say where it is; or the proxy speaks for itself, which proxies in a row
        /// say for their clients, too.
        case unknown
        case client(source: Endpoint, destination: Endpoint)
    }

    struct Endpoint: Equatable {
        /// In network order: 4 octets, or 16.
        var address: [UInt8]
        var port: UInt16
    }

    var origin: Origin
    /// Whether the client speaks TLS to the proxy. Version 1 does not tell.
    var isEncrypted = false

    enum Step: Equatable {
        case needMore
        /// `length`: octets of the header; what follows is the client's.
        case header(ProxyHeader, length: Int)
        /// Why this is none, for the log.
        case malformed(String)
    }

    /// Reads the header at the begin of `bytes`, which are all that came so far.
    static func read(_ bytes: Span<UInt8>) -> Step {
        guard bytes.count > 0 else { return .needMore }
        return switch bytes[0] {
        case self.word[0]: self.readLine(bytes)
        case self.signature[0]: self.readBinary(bytes)
        default: .malformed("no PROXY header")
        }
    }

    private static func begins(_ bytes: Span<UInt8>, with start: [UInt8]) -> Bool {
        (0..<min(bytes.count, start.count)).allSatisfy { bytes[$0] == start[$0] }
    }
}

// MARK: version 1

extension ProxyHeader {
    private static let word = [UInt8]("PROXY ".utf8)
    /// The longest line there can be, its end included.
    private static let maximumLine = 107

    private static func readLine(_ bytes: Span<UInt8>) -> Step {
        guard self.begins(bytes, with: self.word) else { return .malformed("no PROXY header") }
        let limit = min(bytes.count, self.maximumLine)
        guard let end = (0..<limit).first(where: { bytes[$0] == 0x0A }) else {
            return limit == self.maximumLine ? .malformed("PROXY line is too long") : .needMore
        }
        guard bytes[end - 1] == 0x0D else { return .malformed("PROXY line does not end with CRLF") }
        var words: [[UInt8]] = [[]]
        for index in self.word.count..<end - 1 {
            if bytes[index] == 0x20 { words.append([]) } else { words[words.count - 1].append(bytes[index]) }
        }
        if words[0] == Array("UNKNOWN".utf8) { return .header(ProxyHeader(origin: .unknown), length: end + 1) }
        let size = words[0] == Array("TCP4".utf8) ? 4 : words[0] == Array("TCP6".utf8) ? 16 : 0
        guard size > 0, words.count == 5, let source = self.address(words[1], size),
            let destination = self.address(words[2], size), let sourcePort = self.port(words[3]),
            let destinationPort = self.port(words[4])
        else { return .malformed("PROXY line is not one") }
        let origin = Origin.client(
            source: Endpoint(address: source, port: sourcePort),
            destination: Endpoint(address: destination, port: destinationPort))
        return .header(ProxyHeader(origin: origin), length: end + 1)
    }

    /// - Parameter size: in octets, of addresses of this family.
    private static func address(_ text: [UInt8], _ size: Int) -> [UInt8]? {
        guard !text.contains(0) else { return nil }
        var octets = [UInt8](repeating: 0, count: 16)
        let family = size == 4 ? AF_INET : AF_INET6
        guard inet_pton(family, text.map { CChar(bitPattern: $0) } + [0], &octets) == 1 else { return nil }
        return Array(octets.prefix(size))
    }

    private static func port(_ text: [UInt8]) -> UInt16? {
        guard !text.isEmpty, text.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return UInt16(String(decoding: text, as: UTF8.self))
    }
}

// MARK: version 2

extension ProxyHeader {
    private static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
    /// Signature, version and command, family, length.
    private static let fixedLength = 16
    /// The type of the field about TLS between client and proxy, and the flag in its first octet that says there is.
    private static let tlsField: UInt8 = 0x20
    private static let tlsFlag: UInt8 = 0x01
    /// The shortest such field: flags, and what came of looking at the client's certificate.
    private static let tlsLength = 5

    private static func readBinary(_ bytes: Span<UInt8>) -> Step {
        guard self.begins(bytes, with: self.signature) else { return .malformed("no PROXY header") }
        guard bytes.count >= self.fixedLength else { return .needMore }
        guard bytes[12] >> 4 == 2 else { return .malformed("PROXY header of version \(bytes[12] >> 4)") }
        let end = self.fixedLength + Int(self.number(bytes, at: 14))
        guard bytes.count >= end else { return .needMore }
        switch bytes[12] & 0x0F {
        case 0: return .header(ProxyHeader(origin: .unknown), length: end)
        case 1: break
        case let command: return .malformed("PROXY command \(command)")
        }
        // Family and transport; others than TCP have no address that means anything here.
        let size = bytes[13] == 0x11 ? 4 : bytes[13] == 0x21 ? 16 : 0
        let lengths: [Int] = [0, 12, 36, 216]
        let family = Int(bytes[13] >> 4)
        guard family < lengths.count, bytes[13] & 0x0F <= 2 else {
            return .malformed("PROXY header with family \(bytes[13])")
        }
        let fields = self.fixedLength + lengths[family]
        guard fields <= end else { return .malformed("PROXY header is shorter than its addresses") }
        var header = ProxyHeader(origin: .unknown)
        if size > 0 {
            let ports = self.fixedLength + 2 * size
            header.origin = .client(
                source: Endpoint(
                    address: self.octets(bytes, self.fixedLength, size), port: self.number(bytes, at: ports)),
                destination: Endpoint(
                    address: self.octets(bytes, self.fixedLength + size, size),
                    port: self.number(bytes, at: ports + 2)))
        }
        // Fields: a type, a length, a value.
        var next = fields
        while next < end {
            guard next + 3 <= end else { return .malformed("PROXY header ends within a field") }
            let value = next + 3
            next = value + Int(self.number(bytes, at: next + 1))
            guard next <= end else { return .malformed("PROXY header ends within a field") }
            if bytes[value - 3] == self.tlsField, next >= value + self.tlsLength,
                bytes[value] & self.tlsFlag != 0
            {
                header.isEncrypted = true
            }
        }
        return .header(header, length: end)
    }

    private static func number(_ bytes: Span<UInt8>, at offset: Int) -> UInt16 {
        UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1])
    }

    private static func octets(_ bytes: Span<UInt8>, _ offset: Int, _ count: Int) -> [UInt8] {
        (offset..<offset + count).map { bytes[$0] }
    }
}
