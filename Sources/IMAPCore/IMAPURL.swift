public import MIMECore
import MailCore

/// A URL of one message or a part of it (RFC 5092), absolute or relative to a server or a mailbox.
///
///     imap://joe@example.com/INBOX;UIDVALIDITY=385759045/;UID=20/;SECTION=1.2/;PARTIAL=0.1024
///     /Drafts/;UID=20
///     ;UID=20/;SECTION=HEADER
public struct IMAPURL: Hashable, Sendable {
    /// Where an absolute URL leads.
    public struct Server: Hashable, Sendable {
        /// Decoded; `nil` when the URL names no user.
        public var user: [UInt8]?
        /// As written, without the port.
        public var host: [UInt8]
        public var port: UInt16?
    }

    /// Octets of the message or section (RFC 5550 section 3.1 calls it PARTIAL). Both are numbers below 2^63 (RFC 9051
    /// section 9).
    public struct Partial: Hashable, Sendable {
        public var first: UInt64
        /// `nil`: to the end.
        public var count: UInt64?
    }

    /// `nil` for a relative URL.
    public var server: Server?
    /// The mailbox's decoded name; `nil` for the base URL's.
    public var mailbox: [UInt8]?
    public var uidValidity: UInt32?
    public var uid: UInt32
    /// The whole message when the URL has none.
    public var section = Section()
    public var partial: Partial?
    public var authorization: URLAuthorization?

    /// `nil` when `text` is no URL of a message.
    public init?(_ text: [UInt8]) {
        guard text.count <= Self.maximumLength, text.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        self.uid = 0
        var rest = text[...]
        if Self.hasPrefix(rest, "imap://") {
            rest = rest.dropFirst(7)
            let end = rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.endIndex
            guard let server = Self.server(rest[..<end]) else { return nil }
            self.server = server
            rest = rest[end...]
        }
        let isAbsolute = rest.first == UInt8(ascii: "/")
        if isAbsolute { rest = rest.dropFirst() }
        guard isAbsolute || self.server == nil else { return nil }
        // Another scheme: a relative URL has no colon in its first segment (RFC 3986 section 4.2).
        guard isAbsolute || !rest.prefix(while: { $0 != UInt8(ascii: "/") }).contains(UInt8(ascii: ":")) else {
            return nil
        }
        let name: ArraySlice<UInt8>
        if let uid = Self.find(";UID=", in: rest) {
            name = rest[..<uid]
            rest = rest[uid...]
        } else {
            return nil
        }
        if !name.isEmpty {
            // `/` stands before `;UID=`, and is not part of the name.
            guard name.last == UInt8(ascii: "/") else { return nil }
            guard self.takeMailbox(name.dropLast()) else { return nil }
        } else if isAbsolute {
            return nil
        }
        rest = rest.dropFirst(5)
        guard let uid = Self.number(&rest), uid > 0 else { return nil }
        self.uid = uid
        if Self.hasPrefix(rest, "/;SECTION=") {
            rest = rest.dropFirst(10)
            let end = Self.find("/;PARTIAL=", in: rest) ?? rest.firstIndex(of: UInt8(ascii: ";")) ?? rest.endIndex
            guard let decoded = Self.decode(rest[..<end]), let section = Self.section(decoded) else { return nil }
            self.section = section
            rest = rest[end...]
        }
        if Self.hasPrefix(rest, "/;PARTIAL=") {
            rest = rest.dropFirst(10)
            guard let first = Self.number64(&rest) else { return nil }
            self.partial = Partial(first: first, count: nil)
            if rest.first == UInt8(ascii: ".") {
                rest = rest.dropFirst()
                guard let count = Self.number64(&rest), count > 0 else { return nil }
                self.partial?.count = count
            }
        }
        guard !rest.isEmpty else { return }
        guard let authorization = URLAuthorization(rest, of: text) else { return nil }
        self.authorization = authorization
    }

    /// More octets than a URL of a message needs.
    public static let maximumLength = 8192

    private mutating func takeMailbox(_ text: ArraySlice<UInt8>) -> Bool {
        var name = text
        if let parameter = Self.find(";UIDVALIDITY=", in: text) {
            name = text[..<parameter]
            var rest = text[parameter...].dropFirst(13)
            guard let validity = Self.number(&rest), validity > 0, rest.isEmpty else { return false }
            self.uidValidity = validity
        }
        guard !name.isEmpty, let decoded = Self.decode(name) else { return false }
        self.mailbox = decoded
        return true
    }

    private static func server(_ text: ArraySlice<UInt8>) -> Server? {
        var server = Server(host: [])
        var host = text
        if let at = text.lastIndex(of: UInt8(ascii: "@")) {
            host = text[text.index(after: at)...]
            var user = text[..<at]
            if let parameter = self.find(";AUTH=", in: user) { user = user[..<parameter] }
            if !user.isEmpty {
                guard let decoded = self.decode(user) else { return nil }
                server.user = decoded
            }
        }
        // A colon inside brackets belongs to an IPv6 address.
        if host.last != UInt8(ascii: "]"), let colon = host.lastIndex(of: UInt8(ascii: ":")) {
            var digits = host[host.index(after: colon)...]
            guard let port = self.number(&digits).flatMap(UInt16.init(exactly:)), digits.isEmpty else { return nil }
            server.port = port
            host = host[..<colon]
        }
        guard !host.isEmpty else { return nil }
        server.host = Array(host)
        return server
    }

    private static func section(_ text: [UInt8]) -> Section? {
        var limits = CommandLimits()
        limits.nesting = 64
        var cursor = Cursor([UInt8(ascii: "[")] + text + [UInt8(ascii: "]")], limits: limits)
        guard let section = try? cursor.section(), cursor.isAtEnd else { return nil }
        return section
    }

    // MARK: Octets

    /// The octets with `%xx` replaced; `nil` for a `%` that is none, and for NUL.
    static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var out: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                out.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(ASCII.hexValue), let low = rest.popFirst().flatMap(ASCII.hexValue),
                high << 4 | low != 0
            else { return nil }
            out.append(high << 4 | low)
        }
        return out
    }

    static func number(_ text: inout ArraySlice<UInt8>) -> UInt32? {
        self.number64(&text).flatMap { UInt32(exactly: $0) }
    }

    /// A number below 2^63.
    static func number64(_ text: inout ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        var digits = 0
        while let byte = text.first, ASCII.isDigit(byte) {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(byte - 0x30))
            guard !overflow, !carry, sum <= UInt64(Int64.max) else { return nil }
            value = sum
            digits += 1
            text = text.dropFirst()
        }
        return digits > 0 ? value : nil
    }

    static func hasPrefix(_ text: ArraySlice<UInt8>, _ word: StaticString) -> Bool {
        text.count >= word.utf8CodeUnitCount
            && word.withUTF8Buffer { ASCII.equalsIgnoringCase(text.prefix($0.count), $0) }
    }

    /// Where `word` begins in `text`, in any case.
    static func find(_ word: StaticString, in text: ArraySlice<UInt8>) -> Int? {
        text.indices.first { self.hasPrefix(text[$0...], word) }
    }
}
