import MailCore

/// What a URL says about who may read what it leads to (RFC 4467 section 2).
///
///     ;EXPIRE=2026-11-21T18:00:00Z;URLAUTH=submit+fred:INTERNAL:91354a473744909de610943775f92038
public struct URLAuthorization: Hashable, Sendable {
    /// Who may use the URL.
    public enum Access: Hashable, Sendable {
        /// `submit+`: a mail submission server on behalf of this user.
        case submit([UInt8])
        /// `user+`: this user.
        case user([UInt8])
        /// Anybody who has logged in.
        case authenticated
        case anonymous
    }

    /// Seconds since 1970 from which on the URL is worth nothing; `nil`: never.
    public var expiration: Int64?
    public var access: Access
    /// The mechanism in capitals and the token, decoded from hexadecimal; `nil` for a URL that is not signed yet.
    public var verification: Verification?
    /// Octets of the URL that the token speaks for: up to the access identifier's end.
    public var rumpLength: Int

    /// How its token is made, and the token.
    public struct Verification: Hashable, Sendable {
        public var mechanism: [UInt8]
        public var token: [UInt8]
    }

    /// - Parameter text: the end of `url`, from `;` on.
    init?(_ text: ArraySlice<UInt8>, of url: [UInt8]) {
        var rest = text
        if IMAPURL.hasPrefix(rest, ";EXPIRE=") {
            rest = rest.dropFirst(8)
            guard let end = rest.firstIndex(of: UInt8(ascii: ";")), let time = Self.time(rest[..<end]) else {
                return nil
            }
            self.expiration = time
            rest = rest[end...]
        }
        guard IMAPURL.hasPrefix(rest, ";URLAUTH=") else { return nil }
        rest = rest.dropFirst(9)
        let end = rest.firstIndex(of: UInt8(ascii: ":")) ?? rest.endIndex
        let word = rest[..<end]
        if IMAPURL.hasPrefix(word, "submit+") {
            guard let user = IMAPURL.decode(word.dropFirst(7)), !user.isEmpty else { return nil }
            self.access = .submit(user)
        } else if IMAPURL.hasPrefix(word, "user+") {
            guard let user = IMAPURL.decode(word.dropFirst(5)), !user.isEmpty else { return nil }
            self.access = .user(user)
        } else if ASCII.equalsIgnoringCase(word, "authuser".utf8) {
            self.access = .authenticated
        } else if ASCII.equalsIgnoringCase(word, "anonymous".utf8) {
            self.access = .anonymous
        } else {
            return nil
        }
        self.rumpLength = end - url.startIndex
        rest = rest[end...]
        guard !rest.isEmpty else { return }
        rest = rest.dropFirst()
        guard let colon = rest.firstIndex(of: UInt8(ascii: ":")), colon > rest.startIndex,
            let token = Self.token(rest[(colon + 1)...])
        else { return nil }
        self.verification = Verification(mechanism: rest[..<colon].map(ASCII.uppercased), token: token)
    }

    /// 32 hexadecimal digits at least.
    private static func token(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        guard text.count >= 32, text.count % 2 == 0 else { return nil }
        var out: [UInt8] = []
        var rest = text
        while let first = rest.popFirst() {
            guard let high = ASCII.hexValue(first), let low = rest.popFirst().flatMap(ASCII.hexValue) else {
                return nil
            }
            out.append(high << 4 | low)
        }
        return out
    }

    /// date-time of RFC 3339: `2026-11-21T18:00:00.5+01:00`.
    private static func time(_ text: ArraySlice<UInt8>) -> Int64? {
        var rest = text
        func digits(_ count: Int) -> Int? {
            guard rest.count >= count, rest.prefix(count).allSatisfy(ASCII.isDigit) else { return nil }
            let value = rest.prefix(count).reduce(0) { $0 * 10 + Int($1 - 0x30) }
            rest = rest.dropFirst(count)
            return value
        }
        func take(_ byte: UInt8) -> Bool {
            guard let first = rest.first, ASCII.uppercased(first) == byte else { return false }
            rest = rest.dropFirst()
            return true
        }
        guard let year = digits(4), take(UInt8(ascii: "-")), let month = digits(2), take(UInt8(ascii: "-")),
            let day = digits(2), take(UInt8(ascii: "T")), let hour = digits(2), take(UInt8(ascii: ":")),
            let minute = digits(2), take(UInt8(ascii: ":")), let second = digits(2)
        else { return nil }
        let date = CivilDate(year: year, month: month, day: day, hour: hour, minute: minute, second: second)
        guard date.isValid else { return nil }
        if take(UInt8(ascii: ".")) { rest = rest.drop(while: ASCII.isDigit) }
        var offset = 0
        if !take(UInt8(ascii: "Z")) {
            let isNegative = rest.first == UInt8(ascii: "-")
            guard take(UInt8(ascii: "+")) || take(UInt8(ascii: "-")), let hours = digits(2), take(UInt8(ascii: ":")),
                let minutes = digits(2), hours < 24, minutes < 60
            else { return nil }
            offset = (hours * 60 + minutes) * (isNegative ? -60 : 60)
        }
        guard rest.isEmpty else { return nil }
        return date.secondsSince1970 - Int64(offset)
    }
}
