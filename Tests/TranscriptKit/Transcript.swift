/// A conversation to be held with a server, from a file under `Transcripts/PROTOCOL/`.
///
///     # What it shows, with the RFC section.
///     @: daemon                        what the store or the authentication does: not for a server with doubles of both
///     @2: lmtp                         connection 2 speaks this protocol instead of the folder's; stands at the top
///     C: a1 LOGIN $user $pass          sent with CRLF; $name stands for a bound text
///     S: a1 OK *                       the next line that matches; lines before it that do not are passed over
///     P: * 1 FETCH (*)                 as S:, and a line counts that came since the last command other than IDLE and was
///                                      passed over: for what comes by itself, sooner or later
///     =: * 3 EXISTS                    the very next line must match
///     !: * EXPUNGE                     no line up to the next C: may match
///     ?: $v1 < $v2                     the second bound number is the higher one
///     ~: 200                           nothing at all comes for so many milliseconds
///     X:                               the client ends the connection; its next line opens another one
///     E:                               the server ends the connection; lines before that are passed over
///     C: a2 APPEND INBOX {#+}          `{#}` becomes the count of octets of the block that follows
///     C| Subject: x                    a line of the block, joined by CRLF; the block ends with CRLF, the command too
///     R: one\n.\r\n                    sent as it is, no CRLF added: \r \n \t \\ \xHH, and `\(1000*text)` repeats
///     C2: / S2: / =2: / !2: / C2|      the same on a second connection (3, 4, ... likewise)
///
/// In patterns `*` stands for any text within the line, `$name` for its bound text, or, when not bound yet, for a
/// run of characters other than blank, `)`, `]`, which it is then bound to. `\*` and `\$` are the characters.
/// A received line that ended in LF alone reads `...<LF>`.
/// `$user` and `$pass` are bound to an account that no other transcript uses, `$user2` to a second one and, under
/// `sharing/`, `$user3` to one in the group `staff`, whose mail is in packs; `$user64`
/// and `$pass64` are their Base64, `$plain` the response of SASL PLAIN. `$limited` is an account of 10 KiB and five
/// messages, `$admin` one that may change quotas; both have the same password.
/// `S:` waits fifteen seconds for what must come unasked; a connection opens when it is first named.
package struct Transcript: Sendable, CustomStringConvertible {
    enum Step: Sendable {
        case send(connection: Int, text: [UInt8], line: Int)
        case expect(connection: Int, pattern: String, line: Int)
        case expectOrKnown(connection: Int, pattern: String, line: Int)
        case expectNext(connection: Int, pattern: String, line: Int)
        case forbid(connection: Int, pattern: String, line: Int)
        case silence(connection: Int, milliseconds: Int, line: Int)
        case end(connection: Int, line: Int)
        case close(connection: Int)
        case ascending(lower: String, higher: String, line: Int)
    }

    package struct Mistake: Error, CustomStringConvertible {
        package var description: String
    }

    package var name: String
    var steps: [Step]
    /// Protocols of connections that differ from the folder's.
    package private(set) var protocols: [Int: String] = [:]

    /// Whether it is about more than one server.
    package private(set) var needsDaemon = false

    package var description: String { self.name }

    package init(name: String, text: String) throws {
        self.name = name
        self.steps = []
        var block: [String] = []
        var pending: (connection: Int, text: String, line: Int)?
        func flush(_ steps: inout [Step]) {
            guard let command = pending else { return }
            steps.append(
                .send(
                    connection: command.connection, text: Self.octets(command.text, block),
                    line: command.line))
            pending = nil
            block = []
        }
        for (index, raw) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = raw.hasSuffix("\r") ? String(raw.dropLast()) : String(raw)
            let number = index + 1
            if line.isEmpty || line.hasPrefix("#") { continue }
            guard let (kind, connection, mark, rest) = Self.split(line) else {
                throw Mistake(description: "\(name):\(number): not a transcript line: \(line)")
            }
            switch (kind, mark) {
            case ("C", "|"):
                guard pending?.connection == connection else {
                    throw Mistake(description: "\(name):\(number): C| without its C:")
                }
                block.append(rest)
            case ("C", ":"):
                flush(&self.steps)
                pending = (connection, rest, number)
            case ("S", ":"):
                flush(&self.steps)
                self.steps.append(.expect(connection: connection, pattern: rest, line: number))
            case ("P", ":"):
                flush(&self.steps)
                self.steps.append(.expectOrKnown(connection: connection, pattern: rest, line: number))
            case ("=", ":"):
                flush(&self.steps)
                self.steps.append(.expectNext(connection: connection, pattern: rest, line: number))
            case ("!", ":"):
                flush(&self.steps)
                self.steps.append(.forbid(connection: connection, pattern: rest, line: number))
            case ("~", ":"):
                flush(&self.steps)
                guard let milliseconds = Int(rest) else {
                    throw Mistake(description: "\(name):\(number): not a number: \(rest)")
                }
                self.steps.append(.silence(connection: connection, milliseconds: milliseconds, line: number))
            case ("E", ":"):
                flush(&self.steps)
                self.steps.append(.end(connection: connection, line: number))
            case ("?", ":"):
                flush(&self.steps)
                let words = rest.split(separator: " ")
                guard words.count == 3, words[1] == "<" else {
                    throw Mistake(description: "\(name):\(number): not a comparison: \(rest)")
                }
                let lower = String(words[0].dropFirst())
                let higher = String(words[2].dropFirst())
                self.steps.append(.ascending(lower: lower, higher: higher, line: number))
            case ("X", ":"):
                flush(&self.steps)
                self.steps.append(.close(connection: connection))
            case ("R", ":"):
                flush(&self.steps)
                guard let octets = Self.unescape(rest) else {
                    throw Mistake(description: "\(name):\(number): unknown escape: \(rest)")
                }
                self.steps.append(.send(connection: connection, text: octets, line: number))
            case ("@", ":"):
                if rest == "daemon" { self.needsDaemon = true } else { self.protocols[connection] = rest }
            default:
                throw Mistake(description: "\(name):\(number): not a transcript line: \(line)")
            }
        }
        flush(&self.steps)
    }

    /// `C2: text` into kind, connection number, mark and text.
    private static func split(_ line: String) -> (Character, Int, Character, String)? {
        guard let kind = line.first else { return nil }
        let afterKind = line.dropFirst()
        let digits = afterKind.prefix { $0.isNumber }
        let connection = digits.isEmpty ? 1 : Int(digits) ?? 1
        let afterDigits = afterKind.dropFirst(digits.count)
        guard let mark = afterDigits.first, mark == ":" || mark == "|" else { return nil }
        var rest = afterDigits.dropFirst()
        if rest.first == " " { rest = rest.dropFirst() }
        return (kind, connection, mark, String(rest))
    }

    /// The octets of an `R:` line; `nil` for an escape that does not exist.
    private static func unescape(_ text: String) -> [UInt8]? {
        var out: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                out.append(byte)
                continue
            }
            switch rest.popFirst() {
            case UInt8(ascii: "r"): out.append(0x0D)
            case UInt8(ascii: "n"): out.append(0x0A)
            case UInt8(ascii: "t"): out.append(0x09)
            case UInt8(ascii: "\\"): out.append(UInt8(ascii: "\\"))
            case UInt8(ascii: "x"):
                guard let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
                    return nil
                }
                out.append(value)
                rest = rest.dropFirst(2)
            case UInt8(ascii: "("):
                let inside = rest.prefix { $0 != UInt8(ascii: ")") }
                let digits = inside.prefix { $0 != UInt8(ascii: "*") }
                guard let count = Int(String(decoding: digits, as: UTF8.self)),
                    let piece = Self.unescape(
                        String(decoding: inside.dropFirst(digits.count + 1), as: UTF8.self))
                else { return nil }
                out.reserveCapacity(out.count + count * piece.count)
                for _ in 0..<count { out.append(contentsOf: piece) }
                rest = rest.dropFirst(inside.count + 1)
            default: return nil
            }
        }
        return out
    }

    private static func octets(_ text: String, _ block: [String]) -> [UInt8] {
        guard !block.isEmpty else { return Array(text.utf8) + [0x0D, 0x0A] }
        // The count waits for the names in the block.
        let body = block.map { $0 + "\r\n" }.joined()
        return Array((text + "\r\n" + body).utf8) + (text.hasSuffix("}") && text.contains("{#") ? [0x0D, 0x0A] : [])
    }
}
