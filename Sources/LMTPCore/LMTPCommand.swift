import MailCore

/// A command of an LMTP client (RFC 2033, RFC 5321, RFC 3030).
public enum LMTPCommand: Sendable, Hashable {
    case lhlo(String)
    /// HELO or EHLO, which LMTP must refuse with 500 (RFC 2033 section 4.1).
    case hello
    case mail(ReversePath, MailParameters)
    /// `original`: the address of the ORCPT parameter, before the MTA rewrote it (RFC 3461 section 4.2).
    case rcpt(EnvelopeAddress, original: EnvelopeAddress? = nil)
    case data
    /// BDAT: so many octets follow at once; `last` ends the message (RFC 3030 section 2).
    case bdat(size: UInt64, last: Bool)
    case rset
    case noop
    case vrfy
    case help
    case startTLS
    case quit
    /// XDELIVER, on the socket for programs of this machine.
    case deliver(LocalDelivery)
}

/// The parameters of MAIL that the server acts on.
public struct MailParameters: Sendable, Hashable {
    /// The BODY parameter of MAIL (RFC 3030).
    public enum Body: Sendable, Hashable { case sevenBit, eightBitMIME, binaryMIME }

    /// The message's size in octets as the client expects it (RFC 1870).
    public var size: UInt64?
    public var body: Body?
    public var smtpUTF8: Bool = false

    public init() {}
}

/// Why a line is not a command.
public enum LMTPCommandError: Error, Sendable, Hashable {
    case unknownCommand
    /// The argument is wrong; the text says what was expected.
    case syntax(StaticString)
    /// A parameter this server does not know.
    case unknownParameter
    /// BDAT with something wrong behind its size: so many octets follow all the same, and are no commands.
    case badChunk(size: UInt64)

    public static func == (a: LMTPCommandError, b: LMTPCommandError) -> Bool { a.reply == b.reply }
    public func hash(into hasher: inout Hasher) { hasher.combine(self.reply) }

    /// The answer to the client.
    public var reply: LMTPReply {
        switch self {
        case .unknownCommand: LMTPReply(500, "5.5.1", "Unknown command")
        case .syntax(let expected): LMTPReply(501, "5.5.4", "Expected: \(expected)")
        case .unknownParameter: LMTPReply(555, "5.5.4", "Unknown parameter")
        case .badChunk: LMTPReply(501, "5.5.4", "Expected: BDAT size [LAST]")
        }
    }
}

extension LMTPCommand {
    /// Parses one line without its line end.
    public init(line: borrowing Span<UInt8>) throws(LMTPCommandError) {
        var verbEnd = 0
        while verbEnd < line.count, ASCII.isLetter(line[verbEnd]) { verbEnd += 1 }
        let verb = line.extracting(0..<verbEnd)
        guard verbEnd == line.count || ASCII.isBlank(line[verbEnd]) else { throw .unknownCommand }
        if ASCII.equals(verb, lowercase: "mail") {
            self = try Self.mail(line, verbEnd)
        } else if ASCII.equals(verb, lowercase: "rcpt") {
            self = try Self.rcpt(line, verbEnd)
        } else if ASCII.equals(verb, lowercase: "bdat") {
            self = try Self.bdat(line, verbEnd)
        } else if ASCII.equals(verb, lowercase: "lhlo") {
            self = .lhlo(try Self.domain(line, verbEnd))
        } else if ASCII.equals(verb, lowercase: "helo") || ASCII.equals(verb, lowercase: "ehlo") {
            self = .hello
        } else if ASCII.equals(verb, lowercase: "data") {
            self = try Self.bare(.data, line, verbEnd)
        } else if ASCII.equals(verb, lowercase: "rset") {
            self = try Self.bare(.rset, line, verbEnd)
        } else if ASCII.equals(verb, lowercase: "quit") {
            self = try Self.bare(.quit, line, verbEnd)
        } else if ASCII.equals(verb, lowercase: "starttls") {
            self = try Self.bare(.startTLS, line, verbEnd)
        } else if ASCII.equals(verb, lowercase: "noop") {
            self = .noop
        } else if ASCII.equals(verb, lowercase: "vrfy") {
            self = .vrfy
        } else if ASCII.equals(verb, lowercase: "help") {
            self = .help
        } else if ASCII.equals(verb, lowercase: "xdeliver") {
            self = try Self.deliver(line, verbEnd)
        } else {
            throw .unknownCommand
        }
    }

    private static func bare(
        _ command: LMTPCommand, _ line: borrowing Span<UInt8>, _ end: Int
    ) throws(LMTPCommandError) -> LMTPCommand {
        for i in end..<line.count where !ASCII.isBlank(line[i]) { throw .syntax("no argument") }
        return command
    }

    private static func domain(_ line: borrowing Span<UInt8>, _ start: Int) throws(LMTPCommandError) -> String {
        var from = start
        var to = line.count
        while from < to, ASCII.isBlank(line[from]) { from += 1 }
        while to > from, ASCII.isBlank(line[to - 1]) { to -= 1 }
        guard from < to, to - from <= 255 else { throw .syntax("LHLO domain") }
        var text = ""
        for i in from..<to {
            // The name goes into a Received field and the log: printable characters only.
            guard line[i] > 0x20, line[i] < 0x7F else { throw .syntax("LHLO domain") }
            text.unicodeScalars.append(Unicode.Scalar(line[i]))
        }
        return text
    }

    private static func mail(_ line: borrowing Span<UInt8>, _ start: Int) throws(LMTPCommandError) -> LMTPCommand {
        guard let afterWord = Self.skip("from:", line, start),
            let (path, end) = PathParser.parse(line, from: afterWord)
        else { throw .syntax("MAIL FROM:<address>") }
        var parameters = MailParameters()
        var position = end
        while let (name, value) = try Self.parameter(line, &position) {
            if ASCII.equalsIgnoringCase(name, "size".utf8) {
                guard let size = Self.number(value) else { throw .syntax("SIZE=number") }
                parameters.size = size
            } else if ASCII.equalsIgnoringCase(name, "body".utf8) {
                if ASCII.equalsIgnoringCase(value, "7bit".utf8) {
                    parameters.body = .sevenBit
                } else if ASCII.equalsIgnoringCase(value, "8bitmime".utf8) {
                    parameters.body = .eightBitMIME
                } else {
                    throw .syntax("BODY=7BIT or BODY=8BITMIME")
                }
            } else if ASCII.equalsIgnoringCase(name, "smtputf8".utf8), value.isEmpty {
                // Addresses that are not US-ASCII are taken without it too: Postfix takes and hands on those of clients
                // that do not ask for it, unless strict_smtputf8 is set, and refused here their mail would be returned.
                parameters.smtpUTF8 = true
            } else if !ASCII.equalsIgnoringCase(name, "auth".utf8) && !ASCII.equalsIgnoringCase(name, "ret".utf8)
                && !ASCII.equalsIgnoringCase(name, "envid".utf8)
            {
                // AUTH, RET and ENVID are for relays; some clients send them whatever was offered.
                throw .unknownParameter
            }
        }
        switch path {
        case .null: return .mail(.null, parameters)
        case .address(let address): return .mail(.address(address), parameters)
        }
    }

    private static func rcpt(_ line: borrowing Span<UInt8>, _ start: Int) throws(LMTPCommandError) -> LMTPCommand {
        guard let afterWord = Self.skip("to:", line, start),
            let (path, end) = PathParser.parse(line, from: afterWord), case .address(let address) = path
        else { throw .syntax("RCPT TO:<address>") }
        var position = end
        var original: EnvelopeAddress?
        while let (name, value) = try Self.parameter(line, &position) {
            if ASCII.equalsIgnoringCase(name, "orcpt".utf8) {
                original = OriginalRecipient.parse(value)
            } else if !ASCII.equalsIgnoringCase(name, "notify".utf8) {
                throw .unknownParameter
            }
        }
        return .rcpt(address, original: original)
    }

    private static func bdat(_ line: borrowing Span<UInt8>, _ start: Int) throws(LMTPCommandError) -> LMTPCommand {
        var position = start
        guard let (size, _) = try Self.parameter(line, &position), let count = Self.number(size) else {
            throw .syntax("BDAT size [LAST]")
        }
        guard let (word, _) = try Self.parameter(line, &position) else { return .bdat(size: count, last: false) }
        guard ASCII.equalsIgnoringCase(word, "last".utf8), try Self.parameter(line, &position) == nil else {
            throw .badChunk(size: count)
        }
        return .bdat(size: count, last: true)
    }

    private static func deliver(_ line: borrowing Span<UInt8>, _ start: Int) throws(LMTPCommandError) -> LMTPCommand {
        var position = start
        var parameters: [(name: [UInt8], value: [UInt8])] = []
        while let parameter = try Self.parameter(line, &position) { parameters.append(parameter) }
        guard let delivery = LocalDelivery(parameters) else { throw .syntax("XDELIVER USER=name [MAILBOX=name]") }
        return .deliver(delivery)
    }

    /// The position after blanks and `word` (lower case), or `nil` when something else stands there.
    private static func skip(_ word: StaticString, _ line: borrowing Span<UInt8>, _ start: Int) -> Int? {
        var position = start
        while position < line.count, ASCII.isBlank(line[position]) { position += 1 }
        let end = position + word.utf8CodeUnitCount
        guard end <= line.count, ASCII.equals(line.extracting(position..<end), lowercase: word) else { return nil }
        return end
    }

    /// The next blank-separated `NAME[=VALUE]`, or `nil` at the end of the line.
    private static func parameter(
        _ line: borrowing Span<UInt8>, _ position: inout Int
    ) throws(LMTPCommandError) -> (name: [UInt8], value: [UInt8])? {
        guard position < line.count else { return nil }
        guard ASCII.isBlank(line[position]) else { throw .syntax("a blank before each parameter") }
        while position < line.count, ASCII.isBlank(line[position]) { position += 1 }
        guard position < line.count else { return nil }
        var name: [UInt8] = []
        var value: [UInt8] = []
        var inValue = false
        while position < line.count, !ASCII.isBlank(line[position]) {
            let byte = line[position]
            position += 1
            if !inValue, byte == UInt8(ascii: "=") {
                inValue = true
            } else if inValue {
                value.append(byte)
            } else {
                name.append(byte)
            }
        }
        return (name, value)
    }

    /// A decimal number of at most 20 digits (RFC 1870 section 3) that fits 64 bits.
    private static func number(_ digits: [UInt8]) -> UInt64? {
        guard !digits.isEmpty, digits.count <= 20 else { return nil }
        var value: UInt64 = 0
        for digit in digits {
            guard ASCII.isDigit(digit) else { return nil }
            let (product, tooBig) = value.multipliedReportingOverflow(by: 10)
            let (sum, carried) = product.addingReportingOverflow(UInt64(digit - 0x30))
            guard !tooBig, !carried else { return nil }
            value = sum
        }
        return value
    }
}
