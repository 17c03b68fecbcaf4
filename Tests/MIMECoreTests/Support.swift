import MIMECore

/// Text as octets with CRLF line ends.
func crlf(_ text: String) -> [UInt8] {
    var out: [UInt8] = []
    for byte in text.utf8 {
        if byte == 0x0A { out.append(0x0D) }
        out.append(byte)
    }
    return out
}

func text(_ octets: some Sequence<UInt8>) -> String { String(decoding: Array(octets), as: UTF8.self) }

/// Runs `body` on the octets of a text.
func withOctets<R>(_ text: String, _ body: (Octets) -> R) -> R {
    Array(text.utf8).withUnsafeBytes { body(Octets($0)) }
}

func table(_ message: [UInt8], _ limits: PartTable.Limits = .init()) -> PartTable {
    message.withUnsafeBytes { PartTable($0, limits: limits) }
}

func envelope(_ message: [UInt8], _ charset: WireCharset = .ascii) -> String {
    var out: [UInt8] = []
    message.withUnsafeBytes { Envelope.append(Octets($0), charset: charset, to: &out) }
    return text(out)
}

func bodyStructure(_ message: [UInt8], _ limits: PartTable.Limits = .init()) -> String {
    var out: [UInt8] = []
    message.withUnsafeBytes { BodyStructure.append(Octets($0), PartTable($0, limits: limits), to: &out) }
    return text(out)
}

func body(_ message: [UInt8]) -> String {
    var out: [UInt8] = []
    message.withUnsafeBytes { BodyStructure.appendBody(Octets($0), PartTable($0), to: &out) }
    return text(out)
}

func section(_ message: [UInt8], _ section: Section) -> String? {
    message.withUnsafeBytes { bytes in
        switch section.content(of: bytes, PartTable(bytes)) {
        case .range(let range): text(bytes[range])
        case .octets(let octets): text(octets)
        case nil: nil
        }
    }
}

/// Whether a wire form is US-ASCII with balanced parentheses outside well-formed quoted strings.
func isWellFormed(_ wire: String) -> Bool {
    var depth = 0
    var isQuoted = false
    var isEscaped = false
    for byte in wire.utf8 {
        if byte >= 0x80 || byte == 0 || byte == 0x0D || byte == 0x0A { return false }
        if isQuoted {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isQuoted = false
            }
        } else {
            switch byte {
            case UInt8(ascii: "\""): isQuoted = true
            case UInt8(ascii: "("): depth += 1
            case UInt8(ascii: ")"):
                depth -= 1
                if depth < 0 { return false }
            default: break
            }
        }
    }
    return depth == 0 && !isQuoted
}
