import MailCore

/// Finds a whole command at the beginning of what a client sent (RFC 5804 section 4).
public enum ManageSieveScanner {
    /// A string or a number behind the command's name.
    public enum Argument: Equatable, Sendable {
        case string([UInt8])
        case number(UInt64)
    }

    /// What the input begins with.
    public enum Outcome: Equatable, Sendable {
        /// There is no whole command yet.
        case needMore
        /// The name in capitals, and what follows it.
        case command(name: String, arguments: [Argument], consumed: Int)
        /// A line that is no command; it ends with `consumed`.
        case bad(String, consumed: Int)
        /// A literal of so many octets is announced, more than allowed: they follow behind `consumed`, and then the rest
        /// of the line.
        case tooLarge(octets: UInt64, consumed: Int)
        /// What comes cannot be told from commands any more.
        case hopeless(String)
    }

    /// The longest line without its literals. RFC 5804 section 4 limits quoted strings to 1024 octets.
    public static let maximumLine = 8192
    private static let maximumQuoted = 4096
    private static let maximumArguments = 4

    /// - Parameter maximumLiteral: the largest literal taken, in octets.
    public static func scan(_ input: Span<UInt8>, maximumLiteral: Int) -> Outcome {
        var index = 0
        var name: [UInt8] = []
        while index < input.count, ASCII.isLetter(input[index]) {
            name.append(ASCII.uppercased(input[index]))
            index += 1
            guard name.count <= 32 else { return self.bad("a command was expected", input, index) }
        }
        guard index < input.count else { return .needMore }
        guard !name.isEmpty else { return self.bad("a command was expected", input, index) }
        var arguments: [Argument] = []
        while true {
            guard index < input.count else { return .needMore }
            switch input[index] {
            case 0x0D:
                guard index + 1 < input.count else { return .needMore }
                guard input[index + 1] == 0x0A else { return self.bad("a line must end with CRLF", input, index) }
                return .command(
                    name: String(decoding: name, as: UTF8.self), arguments: arguments, consumed: index + 2)
            case 0x0A:
                return .command(
                    name: String(decoding: name, as: UTF8.self), arguments: arguments, consumed: index + 1)
            case 0x20:
                index += 1
                guard index < input.count else { return .needMore }
                guard arguments.count < self.maximumArguments else {
                    return self.bad("too many arguments", input, index)
                }
                switch self.argument(input, &index, maximumLiteral: maximumLiteral) {
                case .found(let argument): arguments.append(argument)
                case .other(let outcome): return outcome
                }
            default: return self.bad("a space or the end of the line was expected", input, index)
            }
        }
    }

    private enum Found {
        case found(Argument)
        case other(Outcome)
    }

    private static func argument(_ input: Span<UInt8>, _ index: inout Int, maximumLiteral: Int) -> Found {
        switch input[index] {
        case UInt8(ascii: "\""): return self.quoted(input, &index)
        case UInt8(ascii: "{"): return self.literal(input, &index, maximumLiteral: maximumLiteral)
        default:
            guard let value = self.number(input, &index) else {
                return .other(self.bad("a string or a number was expected", input, index))
            }
            return .found(.number(value))
        }
    }

    private static func quoted(_ input: Span<UInt8>, _ index: inout Int) -> Found {
        var text: [UInt8] = []
        var place = index + 1
        while place < input.count {
            var byte = input[place]
            if byte == UInt8(ascii: "\"") {
                index = place + 1
                return .found(.string(text))
            }
            if byte == UInt8(ascii: "\\") {
                place += 1
                guard place < input.count else { return .other(.needMore) }
                byte = input[place]
            }
            guard byte != 0x0D, byte != 0x0A, byte != 0 else {
                return .other(self.bad("a quoted string must end on its line", input, place))
            }
            text.append(byte)
            guard text.count <= self.maximumQuoted else {
                return .other(self.bad("a quoted string is too long; use a literal", input, place))
            }
            place += 1
        }
        return .other(.needMore)
    }

    /// `{12+}` and `{12}`, which some clients send although only servers may.
    private static func literal(_ input: Span<UInt8>, _ index: inout Int, maximumLiteral: Int) -> Found {
        var place = index + 1
        guard place < input.count else { return .other(.needMore) }
        guard let octets = self.number(input, &place) else {
            return .other(self.bad("a number was expected behind \"{\"", input, place))
        }
        if place < input.count, input[place] == UInt8(ascii: "+") { place += 1 }
        guard place + 2 < input.count else {
            return .other(place - index > 32 ? .hopeless("a literal without an end") : .needMore)
        }
        guard input[place] == UInt8(ascii: "}"), input[place + 1] == 0x0D, input[place + 2] == 0x0A else {
            return .other(self.bad("a literal is written {NUMBER+} and a line end", input, place))
        }
        place += 3
        guard octets <= UInt64(maximumLiteral), let count = Int(exactly: octets) else {
            return .other(.tooLarge(octets: octets, consumed: place))
        }
        guard input.count - place >= count else { return .other(.needMore) }
        // At once: a client that sends by the octet has this done anew with each of them.
        let text = input.extracting(place..<place + count).withUnsafeBufferPointer { [UInt8]($0) }
        index = place + count
        return .found(.string(text))
    }

    private static func number(_ input: Span<UInt8>, _ index: inout Int) -> UInt64? {
        var value: UInt64 = 0
        let start = index
        while index < input.count, ASCII.isDigit(input[index]) {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(input[index] - 0x30))
            guard !overflow, !carry else { return nil }
            value = sum
            index += 1
        }
        return index > start ? value : nil
    }

    /// The line from `index` on is passed over.
    private static func bad(_ text: String, _ input: Span<UInt8>, _ index: Int) -> Outcome {
        var place = index
        while place < input.count, input[place] != 0x0A { place += 1 }
        guard place < input.count else {
            return input.count - index > self.maximumLine ? .hopeless("a line is too long") : .needMore
        }
        return .bad(text, consumed: place + 1)
    }
}
