import Glibc

/// Headers of the PROXY protocol: the same whatever follows, incomplete until the last octet, and what was read is written so
/// that it reads the same.
func fuzzProxy(_ input: FuzzInput) {
    let octets = input.octets
    switch ProxyHeader.read(octets.span) {
    case .needMore:
        // A line ends within 107 octets, a binary header within 16 + 65535.
        need(octets.first == 0x0D ? octets.count < 16 + 65535 : octets.count < 107)
    case .malformed(let reason):
        need(!reason.isEmpty)
        same(ProxyHeader.read((octets + [0x0D, 0x0A]).span), .malformed(reason), "what cannot be a header")
    case .header(let header, let length):
        need(length > 0 && length <= octets.count)
        let own = Array(octets.prefix(length))
        same(ProxyHeader.read(own.span), .header(header, length: length), "a header by itself")
        for count in [length - 1, length / 2, length / 3] {
            same(ProxyHeader.read(Array(own.prefix(count)).span), .needMore, "\(count) of \(length) octets")
        }
        checkWritten(header)
    }
}

private func checkWritten(_ header: ProxyHeader) {
    guard case .client(let source, let destination) = header.origin else {
        return need(header.origin == .unknown || !header.isEncrypted)
    }
    need(source.address.count == destination.address.count && [4, 16].contains(source.address.count))
    let isIPv4 = source.address.count == 4
    let ends = "\(text(source.address)) \(text(destination.address)) \(source.port) \(destination.port)"
    let line = "PROXY \(isIPv4 ? "TCP4" : "TCP6") \(ends)\r\n"
    need(line.utf8.count <= 107)
    var read = header
    read.isEncrypted = false
    same(ProxyHeader.read(Array(line.utf8).span), .header(read, length: line.utf8.count), "written as a line")

    var body = source.address + destination.address
    for port in [source.port, destination.port] { body += [UInt8(port >> 8), UInt8(port & 0xFF)] }
    if header.isEncrypted { body += [0x20, 0, 5, 1, 0, 0, 0, 0] }
    let binary =
        [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A] + Array("QUIT\n".utf8)
        + [0x21, isIPv4 ? 0x11 : 0x21, 0, UInt8(body.count)] + body
    same(ProxyHeader.read(binary.span), .header(header, length: binary.count), "written in binary")
}

private func text(_ address: [UInt8]) -> String {
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let family = address.count == 4 ? AF_INET : AF_INET6
    guard inet_ntop(family, address, &text, socklen_t(text.count)) != nil else { return "" }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
