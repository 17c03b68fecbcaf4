/// A conversation to be held with a server, from a file under `Transcripts/PROTOCOL/`.
///
///     # What it shows, with the RFC section.
///     C: a1 LOGIN $user $pass          sent with CRLF; $name stands for a bound text
///     S: a1 OK *                       the next line that matches; lines before it that do not are passed over
///     =: * 3 EXISTS                    the very next line must match
///     !: * EXPUNGE                     no line up to the next C: may match
///     C: a2 APPEND INBOX {#+}          `{#}` becomes the count of octets of the block that follows
///     C| Subject: x                    a line of the block, joined by CRLF; the block ends with CRLF, the command too
///     C2: / S2: / =2: / !2: / C2|      the same on a second connection (3, 4, ... likewise)
///
/// In patterns `*` stands for any text within the line, `$name` for its bound text, or, when not bound yet, for a
/// run of characters other than blank, `)`, `]`, which it is then bound to. `\*` and `\$` are the characters.
/// `$user` and `$pass` are bound to an account that no other transcript uses, `$user2` to a second one.
/// LMTP and POP3 transcripts are the same; `@delay MS` waits, for what must come unasked use `S:`.
package struct Transcript: Sendable, CustomStringConvertible {
    enum Step: Sendable {
        case send(connection: Int, text: [UInt8], line: Int)
        case expect(connection: Int, pattern: String, line: Int)
        case expectNext(connection: Int, pattern: String, line: Int)
        case forbid(connection: Int, pattern: String, line: Int)
    }

    package struct Mistake: Error, CustomStringConvertible {
        package var description: String
    }

    package var name: String
    var steps: [Step]

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
            case ("=", ":"):
                flush(&self.steps)
                self.steps.append(.expectNext(connection: connection, pattern: rest, line: number))
            case ("!", ":"):
                flush(&self.steps)
                self.steps.append(.forbid(connection: connection, pattern: rest, line: number))
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

    private static func octets(_ text: String, _ block: [String]) -> [UInt8] {
        guard !block.isEmpty else { return Array(text.utf8) + [0x0D, 0x0A] }
        let body = block.map { $0 + "\r\n" }.joined()
        var command = text
        if let mark = command.range(of: "{#") {
            command.replaceSubrange(mark, with: "{\(body.utf8.count)")
        }
        return Array((command + "\r\n" + body).utf8) + (text.contains("{#") ? [0x0D, 0x0A] : [])
    }
}

extension String {
    /// The first occurrence of `text`, without Foundation.
    fileprivate func range(of text: String) -> Range<String.Index>? {
        var start = self.startIndex
        while start < self.endIndex {
            if self[start...].hasPrefix(text) {
                return start..<self.index(start, offsetBy: text.count)
            }
            start = self.index(after: start)
        }
        return nil
    }
}
