import MailCore

/// An address to which mail is sent, in the syntax of RFC 5228 section 2.4.2.3:
/// `addr-spec` or `phrase <addr-spec>`, no routes, no groups, one address. White space may stand around its parts.
enum OutboundAddress {
    /// RFC 5321 section 4.5.3.1: 64 and 255 octets, and the `@`; longer local parts exist.
    private static let maximumLength = 512

    /// The `addr-spec` as RFC 5321 writes it, quoted only where it must be, or `nil` when `text` is no such address.
    static func parse(_ text: [UInt8]) -> String? {
        var scanner = Scanner(text: text)
        scanner.skipSpace()
        let start = scanner.index
        if let address = scanner.addrSpec() {
            scanner.skipSpace()
            if scanner.isAtEnd { return self.bounded(address) }
        }
        scanner.index = start
        guard scanner.phrase(), scanner.take(UInt8(ascii: "<")) else { return nil }
        scanner.skipSpace()
        guard let address = scanner.addrSpec() else { return nil }
        scanner.skipSpace()
        guard scanner.take(UInt8(ascii: ">")) else { return nil }
        scanner.skipSpace()
        return scanner.isAtEnd ? self.bounded(address) : nil
    }

    private static func bounded(_ address: [UInt8]) -> String? {
        address.count <= self.maximumLength ? String(validating: address, as: UTF8.self) : nil
    }

    private struct Scanner {
        let text: [UInt8]
        var index = 0

        var isAtEnd: Bool { self.index >= self.text.count }
        var peek: UInt8 { self.index < self.text.count ? self.text[self.index] : 0 }

        mutating func take(_ byte: UInt8) -> Bool {
            guard self.peek == byte, !self.isAtEnd else { return false }
            self.index += 1
            return true
        }

        mutating func skipSpace() { while ASCII.isBlank(self.peek) { self.index += 1 } }

        /// At least one word; `<` may follow directly too.
        mutating func phrase() -> Bool {
            while !self.isAtEnd, self.peek != UInt8(ascii: "<") {
                if self.peek == UInt8(ascii: "\"") {
                    guard self.quotedString() != nil else { return false }
                } else if Self.isAtomOctet(self.peek) || self.peek == UInt8(ascii: ".") {
                    self.index += 1
                } else {
                    return false
                }
                self.skipSpace()
            }
            return true
        }

        mutating func addrSpec() -> [UInt8]? {
            var start = self.index
            var local: [UInt8]
            if self.peek == UInt8(ascii: "\"") {
                guard let quoted = self.quotedString() else { return nil }
                local = self.unquoted(quoted)
            } else {
                guard self.dotAtom() else { return nil }
                local = Array(self.text[start..<self.index])
            }
            self.skipSpace()
            guard self.take(UInt8(ascii: "@")) else { return nil }
            self.skipSpace()
            start = self.index
            if self.peek == UInt8(ascii: "[") {
                guard self.domainLiteral() else { return nil }
            } else {
                guard self.dotAtom() else { return nil }
            }
            return local + [UInt8(ascii: "@")] + self.text[start..<self.index]
        }

        /// The local part without its quotes where it needs none.
        private func unquoted(_ range: Range<Int>) -> [UInt8] {
            let quoted = Array(self.text[range])
            let inner = quoted.dropFirst().dropLast()
            let isDotAtom = inner.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
                .allSatisfy { !$0.isEmpty && $0.allSatisfy(Self.isAtomOctet) }
            return isDotAtom ? Array(inner) : quoted
        }

        private mutating func dotAtom() -> Bool {
            while true {
                let start = self.index
                while Self.isAtomOctet(self.peek) { self.index += 1 }
                guard self.index > start else { return false }
                if self.peek != UInt8(ascii: ".") { return true }
                self.index += 1
            }
        }

        private mutating func domainLiteral() -> Bool {
            self.index += 1
            while self.peek != UInt8(ascii: "]") {
                let byte = self.peek
                guard
                    ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == UInt8(ascii: ".")
                        || byte == UInt8(ascii: ":") || byte == UInt8(ascii: "-")
                else { return false }
                self.index += 1
            }
            self.index += 1
            return true
        }

        private mutating func quotedString() -> Range<Int>? {
            let start = self.index
            self.index += 1
            while self.peek != UInt8(ascii: "\"") {
                if self.peek == UInt8(ascii: "\\") { self.index += 1 }
                guard self.peek >= 0x20, self.peek != 0x7F else { return nil }
                self.index += 1
            }
            self.index += 1
            return start..<self.index
        }

        private static func isAtomOctet(_ byte: UInt8) -> Bool {
            switch byte {
            case 0x00...0x20, 0x7F: false
            case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "<"), UInt8(ascii: ">"),
                UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: ":"), UInt8(ascii: ";"),
                UInt8(ascii: "@"), UInt8(ascii: "\\"), UInt8(ascii: ","), UInt8(ascii: "."),
                UInt8(ascii: "\""):
                false
            default: true
            }
        }
    }
}
