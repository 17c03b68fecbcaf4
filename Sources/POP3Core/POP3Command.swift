internal import MailCore

/// A command of a POP3 client (RFC 1939, 2449, 2595, 5034).
public enum POP3Command: Equatable, Sendable {
    case user(String)
    /// Everything after the first space, so that passwords may hold spaces.
    case pass([UInt8])
    /// `mechanism` in upper case, `nil` to list them; `initialResponse` decoded, empty for `=`.
    case auth(mechanism: String?, initialResponse: [UInt8]?)
    case stls
    case capa
    case stat
    case list(Int?)
    case uidl(Int?)
    case retr(Int)
    case top(Int, lines: Int)
    case dele(Int)
    case rset
    case noop
    case quit
}

/// Why a line is not a command.
public enum POP3CommandError: Error, Equatable, Sendable {
    case unknown
    /// The command is known, what follows it is wrong; the text may be told to the client.
    case arguments(StaticText)
    /// The initial response of AUTH is not base64.
    case encoding

    /// A fixed text that can be compared.
    public struct StaticText: Equatable, Sendable, CustomStringConvertible {
        public let description: String
        init(_ text: StaticString) { self.description = "\(text)" }
    }
}

extension POP3Command {
    /// Parses a line without its end.
    public init(line: borrowing Span<UInt8>) throws(POP3CommandError) {
        var end = 0
        while end < line.count, line[end] != UInt8(ascii: " "), line[end] != UInt8(ascii: "\t") { end += 1 }
        guard end >= 3, end <= 4 else { throw .unknown }
        let keyword = line.extracting(0..<end)
        let hasArgument = end < line.count
        let argument = line.extracting((hasArgument ? end + 1 : end)..<line.count)
        if ASCII.equals(keyword, lowercase: "pass") {
            self = .pass(try Self.password(argument))
            return
        }
        let words = try Self.words(argument)
        switch end {
        case 3:
            guard ASCII.equals(keyword, lowercase: "top") else { throw .unknown }
            guard words.count == 2, let lines = Self.number(words[1]) else {
                throw .arguments(.init("TOP takes a message number and a number of lines"))
            }
            self = .top(try Self.message(words[0]), lines: lines)
        default:
            if ASCII.equals(keyword, lowercase: "retr") {
                self = .retr(try Self.oneMessage(words))
            } else if ASCII.equals(keyword, lowercase: "dele") {
                self = .dele(try Self.oneMessage(words))
            } else if ASCII.equals(keyword, lowercase: "uidl") {
                self = .uidl(words.isEmpty ? nil : try Self.oneMessage(words))
            } else if ASCII.equals(keyword, lowercase: "list") {
                self = .list(words.isEmpty ? nil : try Self.oneMessage(words))
            } else if ASCII.equals(keyword, lowercase: "user") {
                self = .user(try Self.userName(argument))
            } else if ASCII.equals(keyword, lowercase: "auth") {
                self = try Self.authentication(words)
            } else {
                self = try Self.plain(keyword)
            }
        }
    }

    /// Commands without arguments; what follows them is ignored, as servers always have.
    private static func plain(_ keyword: borrowing Span<UInt8>) throws(POP3CommandError) -> POP3Command {
        if ASCII.equals(keyword, lowercase: "noop") { return .noop }
        if ASCII.equals(keyword, lowercase: "stat") { return .stat }
        if ASCII.equals(keyword, lowercase: "quit") { return .quit }
        if ASCII.equals(keyword, lowercase: "rset") { return .rset }
        if ASCII.equals(keyword, lowercase: "capa") { return .capa }
        if ASCII.equals(keyword, lowercase: "stls") { return .stls }
        throw .unknown
    }

    private static func password(_ argument: borrowing Span<UInt8>) throws(POP3CommandError) -> [UInt8] {
        var bytes: [UInt8] = []
        for index in 0..<argument.count { bytes.append(argument[index]) }
        guard !bytes.contains(0) else { throw .arguments(.init("NUL in the line")) }
        return bytes
    }

    private static func userName(_ argument: borrowing Span<UInt8>) throws(POP3CommandError) -> String {
        var start = 0
        var end = argument.count
        while start < end, ASCII.isBlank(argument[start]) { start += 1 }
        while end > start, ASCII.isBlank(argument[end - 1]) { end -= 1 }
        let bytes = try self.password(argument.extracting(start..<end))
        guard !bytes.isEmpty, let name = String(validating: bytes, as: UTF8.self) else {
            throw .arguments(.init("USER takes a name"))
        }
        return name
    }

    private static func authentication(_ words: [[UInt8]]) throws(POP3CommandError) -> POP3Command {
        guard let mechanism = words.first else { return .auth(mechanism: nil, initialResponse: nil) }
        guard words.count <= 2, mechanism.count <= 20 else {
            throw .arguments(.init("AUTH takes a mechanism and an initial response"))
        }
        let name = String(decoding: mechanism.map(ASCII.uppercased), as: UTF8.self)
        guard words.count == 2 else { return .auth(mechanism: name, initialResponse: nil) }
        if words[1] == [UInt8(ascii: "=")] { return .auth(mechanism: name, initialResponse: []) }
        guard let response = Base64.decode(words[1]) else { throw .encoding }
        return .auth(mechanism: name, initialResponse: response)
    }

    private static func oneMessage(_ words: [[UInt8]]) throws(POP3CommandError) -> Int {
        guard words.count == 1 else { throw .arguments(.init("One message number is wanted")) }
        return try self.message(words[0])
    }

    private static func message(_ word: [UInt8]) throws(POP3CommandError) -> Int {
        guard let number = self.number(word), number > 0 else {
            throw .arguments(.init("Invalid message number"))
        }
        return number
    }

    /// Decimal digits; what is larger than any mailbox stays larger than any.
    private static func number(_ word: [UInt8]) -> Int? {
        var value = 0
        for byte in word {
            guard ASCII.isDigit(byte) else { return nil }
            if value < 1 << 40 { value = value * 10 + Int(byte - 0x30) }
        }
        return word.isEmpty ? nil : value
    }

    private static func words(_ argument: borrowing Span<UInt8>) throws(POP3CommandError) -> [[UInt8]] {
        var words: [[UInt8]] = []
        var word: [UInt8] = []
        for index in 0..<argument.count {
            let byte = argument[index]
            guard byte != 0 else { throw .arguments(.init("NUL in the line")) }
            if !ASCII.isBlank(byte) {
                word.append(byte)
            } else if !word.isEmpty {
                words.append(word)
                word = []
            }
        }
        if !word.isEmpty { words.append(word) }
        return words
    }
}
