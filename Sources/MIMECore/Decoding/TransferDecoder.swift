import MailCore

/// Decodes base64 piece by piece (RFC 2045 section 6.8).
///
/// Octets outside the alphabet are skipped; `isDamaged` tells whether any were there besides line ends and
/// blanks, or padding stood where none belongs. After padding a new run may begin, as some clients join
/// encoded pieces.
public struct Base64Decoder: Sendable {
    private var group: UInt32 = 0
    private var held = 0
    private var padding = 0
    /// Whether what was decoded so far is not what a correct encoder writes.
    public private(set) var isDamaged = false

    public init() {}

    public mutating func decode(_ text: Octets, into out: inout [UInt8]) {
        out.reserveCapacity(out.count + text.count / 4 * 3 + 3)
        for byte in text.buffer {
            let value = Self.values[Int(byte)]
            if value < 64 {
                if self.padding > 0 {
                    if self.held != 0 { self.isDamaged = true }
                    self.isDamaged = true
                    self.restart()
                }
                self.group = self.group << 6 | UInt32(value)
                self.held += 1
                if self.held == 4 {
                    out.append(UInt8(truncatingIfNeeded: self.group >> 16))
                    out.append(UInt8(truncatingIfNeeded: self.group >> 8))
                    out.append(UInt8(truncatingIfNeeded: self.group))
                    self.restart()
                }
            } else if byte == UInt8(ascii: "=") {
                self.padding += 1
                if self.padding == 1 {
                    if self.held < 2 { self.isDamaged = true }
                    self.flush(into: &out)
                }
                if self.held + self.padding > 4 { self.isDamaged = true }
            } else if !HeaderBody.isSpace(byte) {
                self.isDamaged = true
            }
        }
    }

    /// Call at the end: writes what an unpadded last group holds.
    public mutating func finish(into out: inout [UInt8]) {
        if self.padding == 0 {
            if self.held > 0 { self.isDamaged = true }
            self.flush(into: &out)
        } else if self.held + self.padding != 4 {
            self.isDamaged = true
        }
        self.restart()
    }

    private mutating func restart() {
        self.group = 0
        self.held = 0
        self.padding = 0
    }

    private mutating func flush(into out: inout [UInt8]) {
        if self.held == 2 {
            out.append(UInt8(truncatingIfNeeded: self.group >> 4))
        } else if self.held == 3 {
            out.append(UInt8(truncatingIfNeeded: self.group >> 10))
            out.append(UInt8(truncatingIfNeeded: self.group >> 2))
        }
    }

    /// 0...63 for a digit, 0xFF for anything else.
    private static let values: [UInt8] = {
        var table = [UInt8](repeating: 0xFF, count: 256)
        let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        for (value, digit) in digits.utf8.enumerated() { table[Int(digit)] = UInt8(value) }
        return table
    }()
}

/// Decodes quoted-printable text piece by piece (RFC 2045 section 6.7). White space at the end of a line is
/// dropped (rule 3); a `=` that begins no escape stays, and counts as damage.
public struct QuotedPrintableDecoder: Sendable {
    private enum State: Sendable {
        case text
        /// After `=`.
        case escape
        /// After `=` and blanks or CR: a soft line break whose LF is still to come.
        case softBreak
        /// After `=` and this hexadecimal digit.
        case digit(UInt8)
    }

    private var state: State = .text
    /// Blanks and CRs that are dropped if the line ends here.
    private var blanks: [UInt8] = []
    /// Whether what was decoded so far is not what a correct encoder writes.
    public private(set) var isDamaged = false

    public init() {}

    public mutating func decode(_ text: Octets, into out: inout [UInt8]) {
        out.reserveCapacity(out.count + text.count)
        for byte in text.buffer { self.decode(byte, into: &out) }
    }

    private mutating func decode(_ byte: UInt8, into out: inout [UInt8]) {
        switch self.state {
        case .text: self.decodeText(byte, into: &out)
        case .escape:
            if ASCII.hexValue(byte) != nil {
                self.state = .digit(byte)
            } else if byte == 0x0A {
                self.state = .text
            } else if HeaderBody.isSpace(byte) {
                self.state = .softBreak
            } else {
                self.isDamaged = true
                out.append(UInt8(ascii: "="))
                self.state = .text
                self.decodeText(byte, into: &out)
            }
        case .softBreak:
            if byte == 0x0A {
                self.state = .text
            } else if !HeaderBody.isSpace(byte) {
                self.isDamaged = true
                self.state = .text
                self.decodeText(byte, into: &out)
            }
        case .digit(let first):
            self.state = .text
            if let high = ASCII.hexValue(first), let low = ASCII.hexValue(byte) {
                out.append(high << 4 | low)
            } else {
                self.isDamaged = true
                out.append(UInt8(ascii: "="))
                out.append(first)
                self.decodeText(byte, into: &out)
            }
        }
    }

    private mutating func decodeText(_ byte: UInt8, into out: inout [UInt8]) {
        switch byte {
        case 0x20, 0x09, 0x0D:
            // A line of nothing but blanks must not be held without bound.
            if self.blanks.count >= 4096 { self.flushBlanks(into: &out) }
            self.blanks.append(byte)
        case 0x0A:
            let hasCR = self.blanks.last == 0x0D
            self.blanks.removeAll(keepingCapacity: true)
            if hasCR { out.append(0x0D) }
            out.append(0x0A)
        default:
            self.flushBlanks(into: &out)
            if byte == UInt8(ascii: "=") { self.state = .escape } else { out.append(byte) }
        }
    }

    private mutating func flushBlanks(into out: inout [UInt8]) {
        guard !self.blanks.isEmpty else { return }
        out.append(contentsOf: self.blanks)
        self.blanks.removeAll(keepingCapacity: true)
    }

    /// Call at the end. An escape that was cut off stays as text.
    public mutating func finish(into out: inout [UInt8]) {
        switch self.state {
        case .text:
            // Blanks before the end are dropped as at the end of a line; a lone CR is kept.
            while let last = self.blanks.last, last != 0x0D { self.blanks.removeLast() }
            self.flushBlanks(into: &out)
        case .escape, .softBreak: break
        case .digit(let first):
            self.isDamaged = true
            out.append(UInt8(ascii: "="))
            out.append(first)
        }
        self.state = .text
    }
}

/// Decodes a part's body piece by piece, whatever its encoding.
public struct TransferDecoder: Sendable {
    private enum Kind: Sendable {
        case identity
        case base64(Base64Decoder)
        case quotedPrintable(QuotedPrintableDecoder)
    }

    private var kind: Kind

    /// An unknown encoding is passed through as it is.
    public init(_ encoding: TransferEncoding) {
        switch encoding {
        case .sevenBit, .eightBit, .binary, .unknown: self.kind = .identity
        case .base64: self.kind = .base64(Base64Decoder())
        case .quotedPrintable: self.kind = .quotedPrintable(QuotedPrintableDecoder())
        }
    }

    /// Appends what the next piece of the body decodes to.
    public mutating func decode(_ piece: Octets, into out: inout [UInt8]) {
        switch self.kind {
        case .identity: out.append(contentsOf: piece.buffer)
        case .base64(var decoder):
            decoder.decode(piece, into: &out)
            self.kind = .base64(decoder)
        case .quotedPrintable(var decoder):
            self.kind = .identity  // so that the decoder is not shared, and copied, while it changes
            decoder.decode(piece, into: &out)
            self.kind = .quotedPrintable(decoder)
        }
    }

    /// Call after the last piece.
    public mutating func finish(into out: inout [UInt8]) {
        switch self.kind {
        case .identity: break
        case .base64(var decoder):
            decoder.finish(into: &out)
            self.kind = .base64(decoder)
        case .quotedPrintable(var decoder):
            decoder.finish(into: &out)
            self.kind = .quotedPrintable(decoder)
        }
    }

    /// Whether the body was not properly encoded so far. BINARY then answers UNKNOWN-CTE or PARSE.
    public var isDamaged: Bool {
        switch self.kind {
        case .identity: false
        case .base64(let decoder): decoder.isDamaged
        case .quotedPrintable(let decoder): decoder.isDamaged
        }
    }
}
