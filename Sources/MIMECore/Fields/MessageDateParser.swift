import MailCore

/// Reads dates word by word and takes each for what it looks like, so that order, commas and omissions of
/// real mail do not matter.
struct MessageDateParser {
    private var lexer: FieldLexer

    init(_ body: Octets) { self.lexer = FieldLexer(body) }

    static func month(_ name: some Collection<UInt8>) -> Int? {
        guard name.count >= 3 else { return nil }
        let letters = Array(name.prefix(3))
        return CivilDate.month(named: letters.span)
    }

    mutating func parse() -> MessageDate? {
        var year: Int?
        var month: Int?
        var day: Int?
        var time = (hour: 0, minute: 0, second: 0)
        var hasTime = false
        var zone: Int?
        while let word = self.nextWord() {
            let first = word[0]
            if word.contains(UInt8(ascii: ":")), ASCII.isDigit(first) {
                guard !hasTime else { continue }
                hasTime = true
                time = Self.time(word) ?? time
            } else if first == UInt8(ascii: "+") || first == UInt8(ascii: "-") {
                if hasTime, zone == nil { zone = Self.numericZone(word) ?? 0 }
            } else if ASCII.isDigit(first) {
                guard let number = Self.number(word) else {
                    // 1996-07-17, or 1996-07-17T02:44:25Z.
                    if year == nil, let iso = Self.isoDate(word) {
                        (year, month, day) = (iso.year, iso.month, iso.day)
                    }
                    continue
                }
                if day == nil, (1...31).contains(number), word.count <= 2 {
                    day = number
                } else if year == nil, word.count >= 2 {
                    year = Self.fullYear(number, digits: word.count)
                }
            } else if month == nil, let found = Self.month(word) {
                month = found
            } else if hasTime, zone == nil {
                zone = Self.namedZone(word)
            }
        }
        guard let year, let month, let day,
            CivilDate(year: year, month: month, day: day).isValid
        else { return nil }
        var date = CivilDate(
            year: year, month: month, day: day, hour: time.hour, minute: time.minute, second: time.second)
        if !date.isValid { (date.hour, date.minute, date.second) = (0, 0, 0) }
        let offset = zone ?? 0
        return MessageDate(
            secondsSince1970: date.secondsSince1970 - Int64(offset * 60), zoneOffsetMinutes: offset)
    }

    /// The next run of octets without white space, comments and commas. A `-` between date parts
    /// (`17-Jul-1996`) and the `T` of ISO dates separate too; a sign before a zone belongs to it.
    private mutating func nextWord() -> [UInt8]? {
        while true {
            self.lexer.skipCommentsAndSpace()
            guard self.lexer.peek == UInt8(ascii: ",") || self.lexer.peek == UInt8(ascii: "\"") else { break }
            self.lexer.position += 1
        }
        guard !self.lexer.isAtEnd else { return nil }
        var word: [UInt8] = []
        while !self.lexer.isAtEnd {
            let byte = self.lexer.peek
            if HeaderBody.isSpace(byte) || byte == 0 || byte == UInt8(ascii: ",")
                || byte == UInt8(ascii: "(") || byte == UInt8(ascii: "\"")
            {
                // White space and comments may stand around the colons of a time (section 4.3).
                let hasSpace = self.lexer.skipCommentsAndSpace()
                let isColon = self.lexer.peek == UInt8(ascii: ":") || word.last == UInt8(ascii: ":")
                if let first = word.first, ASCII.isDigit(first), isColon, hasSpace, !self.lexer.isAtEnd {
                    continue
                }
                break
            }
            if !word.isEmpty {
                if byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+"), word.contains(UInt8(ascii: ":")) {
                    break
                }
                if byte == UInt8(ascii: "-"), ASCII.isLetter(word[0]) || ASCII.isDigit(word[0]) && word.count <= 2 {
                    self.lexer.position += 1
                    break
                }
                if byte | 0x20 == UInt8(ascii: "t"), ASCII.isDigit(word[0]), word.contains(UInt8(ascii: "-")) {
                    self.lexer.position += 1
                    break
                }
                if ASCII.isLetter(byte), ASCII.isDigit(word[0]), word.contains(UInt8(ascii: ":")) { break }
            }
            word.append(byte)
            self.lexer.position += 1
        }
        return word
    }

    private static func number(_ word: [UInt8]) -> Int? {
        guard word.count <= 9, word.allSatisfy(ASCII.isDigit) else { return nil }
        return word.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    /// RFC 5322 section 4.3: 00-49 are 2000-2049, 50-99 and three digits are after 1900.
    private static func fullYear(_ number: Int, digits: Int) -> Int {
        switch digits {
        case 2: number < 50 ? number + 2000 : number + 1900
        case 3: number + 1900
        default: number
        }
    }

    private static func time(_ word: [UInt8]) -> (hour: Int, minute: Int, second: Int)? {
        let fields = word.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard (2...3).contains(fields.count), let hour = self.number(Array(fields[0])),
            let minute = self.number(Array(fields[1])), hour <= 23, minute <= 59
        else { return nil }
        guard fields.count == 3 else { return (hour, minute, 0) }
        let digits = Array(fields[2].prefix { ASCII.isDigit($0) })
        guard !digits.isEmpty, let second = self.number(digits), second <= 60 else { return nil }
        return (hour, minute, second)
    }

    private static func isoDate(_ word: [UInt8]) -> (year: Int, month: Int, day: Int)? {
        let fields = word.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard fields.count == 3, fields[0].count == 4, let year = self.number(Array(fields[0])),
            let month = self.number(Array(fields[1])), let day = self.number(Array(fields[2]))
        else { return nil }
        return (year, month, day)
    }

    /// `+0130`, `-7`, `+01:30`, in minutes.
    private static func numericZone(_ word: [UInt8]) -> Int? {
        let digits = word.dropFirst().filter { $0 != UInt8(ascii: ":") }
        guard (1...4).contains(digits.count), let number = self.number(Array(digits)) else { return nil }
        let (hours, minutes) = digits.count <= 2 ? (number, 0) : (number / 100, number % 100)
        guard hours <= 23, minutes <= 59 else { return nil }
        return (hours * 60 + minutes) * (word[0] == UInt8(ascii: "-") ? -1 : 1)
    }

    /// RFC 5322 section 4.3: the North American names, UT and GMT; others, and the military letters that
    /// RFC 822 had reversed, say nothing and count as UTC. `nil` for `AM`, `PM` and longer words.
    private static func namedZone(_ word: [UInt8]) -> Int? {
        let name = word.map(ASCII.uppercased)
        switch String(decoding: name.prefix(8), as: UTF8.self) {
        case "UT", "UTC", "GMT", "Z": return 0
        case "EST": return -300
        case "EDT": return -240
        case "CST": return -360
        case "CDT": return -300
        case "MST": return -420
        case "MDT": return -360
        case "PST": return -480
        case "PDT": return -420
        // Not in the RFC, but common in old European mail.
        case "BST", "CET", "MET", "WEST": return 60
        case "CEST", "MEST", "EET": return 120
        default: return nil
        }
    }
}
