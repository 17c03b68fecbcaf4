/// An IMAP session that throws at any answer that is not OK.
final class IMAPClient {
    /// An untagged response with its literals.
    struct Response {
        /// The line, literals left out: `* 1 FETCH (BODY[] {12})`.
        var line: [UInt8]
        var literals: [[UInt8]] = []

        var text: String { String(decoding: self.line, as: UTF8.self) }

        /// The number in `* 12 EXISTS`; `nil` for another response.
        func number(of name: String) -> Int? {
            var position = 2
            var value = 0
            while position < self.line.count, case let digit = self.line[position], 0x30...0x39 ~= digit {
                value = value * 10 + Int(digit - 0x30)
                position += 1
            }
            guard position > 2, self.line.count > position + name.utf8.count,
                self.line[(position + 1)...].starts(with: name.utf8)
            else { return nil }
            return value
        }

        /// The number behind a word such as `UID `.
        func value(after word: String) -> Int? {
            let word = Array(word.utf8)
            guard let start = Octets.find(word, in: self.line) else { return nil }
            var position = start + word.count
            var value: Int?
            while position < self.line.count, case let digit = self.line[position], 0x30...0x39 ~= digit {
                value = (value ?? 0) * 10 + Int(digit - 0x30)
                position += 1
            }
            return value
        }

        /// The flags of a FETCH response, \Recent left out.
        var flags: Set<String>? {
            guard let start = Octets.find(Array("FLAGS (".utf8), in: self.line),
                let end = Octets.find([0x29], in: self.line, from: start)
            else { return nil }
            let words = String(decoding: self.line[start + 7..<end], as: UTF8.self).split(separator: " ")
            return Set(words.map(String.init)).subtracting(["\\Recent"])
        }

        /// The numbers in `* SEARCH 1 2` and `* SORT 1 2`; `nil` for another response.
        func list(_ name: String) -> [Int]? {
            guard self.line.count > 1, self.line[2...].starts(with: name.utf8) else { return nil }
            var numbers: [Int] = []
            var value: Int?
            for octet in self.line[(2 + name.utf8.count)...] {
                if 0x30...0x39 ~= octet {
                    value = (value ?? 0) * 10 + Int(octet - 0x30)
                } else if octet == 0x20 {
                    if let value { numbers.append(value) }
                    value = nil
                } else {
                    return nil
                }
            }
            if let value { numbers.append(value) }
            return numbers
        }
    }

    let connection: Connection
    private var next = 0

    init(port: UInt16, _ security: Connection.Security = .plain) throws {
        self.connection = try Connection(port: port, security)
        let greeting = try self.connection.line() ?? []
        try check(greeting.starts(with: "* OK".utf8), "greeting: \(String(decoding: greeting, as: UTF8.self))")
    }

    /// With a user that is logged in.
    convenience init(_ server: TestServer, user: Int, _ security: Connection.Security = .plain) throws {
        switch security {
        case .plain: try self.init(port: server.ports.imap)
        case .tls: try self.init(port: server.ports.imaps, .tls)
        }
        try self.run("LOGIN \(TestServer.user(user)) \(TestServer.password)")
    }

    /// The next response, its literals read.
    func response() throws -> Response {
        guard let first = try self.connection.line() else { throw LoadError("the server has closed the connection") }
        var response = Response(line: first)
        while let count = Self.literal(response.line) {
            response.literals.append(try self.connection.octets(count))
            guard let more = try self.connection.line() else { throw LoadError("the connection ended in a response") }
            response.line += more
        }
        return response
    }

    private static func literal(_ line: [UInt8]) -> Int? {
        guard line.last == UInt8(ascii: "}"), let open = line.lastIndex(of: UInt8(ascii: "{")) else { return nil }
        return Int(String(decoding: line[(open + 1)..<(line.count - 1)], as: UTF8.self))
    }

    func tag() -> String {
        self.next += 1
        return "a\(self.next)"
    }

    /// Sends a command, tells `take` of each untagged response and answers the tagged one behind `OK `.
    @discardableResult
    func run(_ command: String, _ take: (Response) throws -> Void = { _ in }) throws -> String {
        let tag = self.tag()
        try self.connection.write("\(tag) \(command)\r\n")
        return try self.finish(tag, command, take)
    }

    /// Reads up to the tagged response.
    @discardableResult
    func finish(_ tag: String, _ command: String, _ take: (Response) throws -> Void = { _ in }) throws -> String {
        let wanted = Array("\(tag) ".utf8)
        while true {
            let response = try self.response()
            if response.line.first == UInt8(ascii: "*") {
                try take(response)
                continue
            }
            guard response.line.starts(with: wanted) else { throw LoadError("unexpected: \(response.text)") }
            let text = String(response.text.dropFirst(wanted.count))
            try check(text.hasPrefix("OK"), "\(command.prefix(80)): \(text)")
            return String(text.dropFirst(3))
        }
    }

    /// SELECT; answers the number of messages.
    @discardableResult
    func select(_ mailbox: String, _ parameters: String = "") throws -> Int {
        var exists: Int?
        try self.run("SELECT \(mailbox)\(parameters)") { exists = $0.number(of: "EXISTS") ?? exists }
        guard let exists else { throw LoadError("SELECT without EXISTS") }
        return exists
    }

    /// APPEND of one message or more; answers the UIDs that the server says they have.
    @discardableResult
    func append(
        _ mailbox: String, _ messages: [(octets: [UInt8], flags: Set<String>, date: Int)],
        _ take: (Response) throws -> Void = { _ in }
    ) throws -> ClosedRange<Int> {
        let tag = self.tag()
        var octets = Array("\(tag) APPEND \(mailbox)".utf8)
        for message in messages {
            let flags = message.flags.sorted().joined(separator: " ")
            let date = TestMail.appendDate(message.date)
            octets += " (\(flags)) \"\(date)\" {\(message.octets.count)+}\r\n".utf8
            octets += message.octets
        }
        octets += "\r\n".utf8
        try self.connection.write(octets)
        let text = try self.finish(tag, "APPEND", take)
        guard let start = text.range(of: "APPENDUID ") else { throw LoadError("APPEND without APPENDUID: \(text)") }
        let code = text[start.upperBound...].prefix { $0 != "]" }.split(separator: " ")
        let uids = (code.last ?? "").split(separator: ":").compactMap { Int($0) }
        guard let first = uids.first, let last = uids.last, last - first == messages.count - 1 else {
            throw LoadError("APPENDUID for \(messages.count) messages: \(text)")
        }
        return first...last
    }

    func logout() throws {
        try self.run("LOGOUT")
    }
}

extension String {
    /// Where a piece is.
    func range(of piece: String) -> Range<String.Index>? {
        guard let found = Octets.find(Array(piece.utf8), in: Array(self.utf8)) else { return nil }
        let start = self.utf8.index(self.startIndex, offsetBy: found)
        return start..<self.utf8.index(start, offsetBy: piece.utf8.count)
    }
}
