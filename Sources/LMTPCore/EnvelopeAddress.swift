import MailCore

/// A mailbox address of an envelope (RFC 5321 section 4.1.2), quoting removed.
public struct EnvelopeAddress: Sendable, Hashable, CustomStringConvertible {
    /// The local part without quotes or backslashes. May hold UTF-8 (RFC 6531).
    public var localPart: String
    /// The domain or address literal, `nil` for a bare local part such as `<Postmaster>`.
    public var domain: String?

    public init(localPart: String, domain: String?) {
        self.localPart = localPart
        self.domain = domain
    }

    /// `local@domain`, as users are named. Not quoted again.
    public var description: String {
        self.domain.map { "\(self.localPart)@\($0)" } ?? self.localPart
    }

    /// The address as it is written in a header or a path: the local part quoted where it must be.
    public var quoted: String {
        let plain = self.localPart.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "<"), UInt8(ascii: ">"),
                UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: ":"), UInt8(ascii: ";"),
                UInt8(ascii: "@"), UInt8(ascii: "\\"), UInt8(ascii: ","), UInt8(ascii: "\""):
                false
            case 0x00...0x20, 0x7F: false
            default: true
            }
        }
        var local = self.localPart
        if !plain || local.isEmpty {
            local = "\""
            for character in self.localPart.unicodeScalars {
                if character == "\"" || character == "\\" { local.unicodeScalars.append("\\") }
                local.unicodeScalars.append(character)
            }
            local += "\""
        }
        return self.domain.map { "\(local)@\($0)" } ?? local
    }

    /// Splits `user+detail` at the first occurrence of any of the delimiter characters. A local part that begins
    /// with a delimiter has no detail.
    public func separated(by delimiters: String) -> (address: EnvelopeAddress, detail: String?) {
        guard
            let split = self.localPart.firstIndex(where: { delimiters.contains($0) }),
            split > self.localPart.startIndex
        else { return (self, nil) }
        let detail = String(self.localPart[self.localPart.index(after: split)...])
        let user = EnvelopeAddress(localPart: String(self.localPart[..<split]), domain: self.domain)
        return (user, detail)
    }
}

/// The argument of MAIL FROM.
public enum ReversePath: Sendable, Hashable {
    /// `<>`: no bounce is wanted.
    case null
    case address(EnvelopeAddress)

    /// The path as a Return-Path field shows it, with its angle brackets.
    public var text: String {
        switch self {
        case .null: "<>"
        case .address(let address): "<\(address.quoted)>"
        }
    }
}

/// Reads a path: `<` [source route `:`] mailbox `>`. The brackets may be missing, as some clients leave them out.
struct PathParser {
    enum Path {
        case null
        case address(EnvelopeAddress)
    }

    /// The path at the front of `line` from `start`, and where it ends. `nil`: no path stands there.
    static func parse(_ line: borrowing Span<UInt8>, from start: Int) -> (path: Path, end: Int)? {
        var position = start
        while position < line.count, ASCII.isBlank(line[position]) { position += 1 }
        guard position < line.count else { return nil }
        let bracketed = line[position] == UInt8(ascii: "<")
        if bracketed {
            position += 1
            if position < line.count, line[position] == UInt8(ascii: ">") { return (.null, position + 1) }
            if position < line.count, line[position] == UInt8(ascii: "@") {
                // A source route is accepted and ignored (RFC 5321 appendix C).
                while position < line.count, line[position] != UInt8(ascii: ":") {
                    guard line[position] != UInt8(ascii: ">") else { return nil }
                    position += 1
                }
                position += 1
            }
        }
        guard let localPart = Self.localPart(line, &position) else { return nil }
        var domain: String?
        if position < line.count, line[position] == UInt8(ascii: "@") {
            position += 1
            guard let parsed = Self.domain(line, &position) else { return nil }
            domain = parsed
        }
        if bracketed {
            guard position < line.count, line[position] == UInt8(ascii: ">") else { return nil }
            position += 1
        }
        return (.address(EnvelopeAddress(localPart: localPart, domain: domain)), position)
    }

    private static func localPart(_ line: borrowing Span<UInt8>, _ position: inout Int) -> String? {
        var bytes: [UInt8] = []
        guard position < line.count else { return nil }
        if line[position] == UInt8(ascii: "\"") {
            position += 1
            while position < line.count, line[position] != UInt8(ascii: "\"") {
                if line[position] == UInt8(ascii: "\\") { position += 1 }
                guard position < line.count, line[position] >= 0x20, line[position] != 0x7F else { return nil }
                bytes.append(line[position])
                position += 1
            }
            guard position < line.count else { return nil }
            position += 1
        } else {
            while position < line.count {
                let byte = line[position]
                guard byte > 0x20, byte != 0x7F, byte != UInt8(ascii: "@"), byte != UInt8(ascii: ">"),
                    byte != UInt8(ascii: "<"), byte != UInt8(ascii: "\""), byte != UInt8(ascii: ":"),
                    byte != UInt8(ascii: ",")
                else { break }
                bytes.append(byte)
                position += 1
            }
        }
        // 64 octets by RFC 5321 section 4.5.3.1.1; longer ones exist (VERP), so 256.
        guard !bytes.isEmpty, bytes.count <= 256 else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func domain(_ line: borrowing Span<UInt8>, _ position: inout Int) -> String? {
        var bytes: [UInt8] = []
        while position < line.count {
            let byte = line[position]
            guard
                ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == UInt8(ascii: "-")
                    || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "[")
                    || byte == UInt8(ascii: "]") || byte == UInt8(ascii: ":") || byte >= 0x80
            else { break }
            bytes.append(byte)
            position += 1
        }
        guard !bytes.isEmpty, bytes.count <= 255 else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}
