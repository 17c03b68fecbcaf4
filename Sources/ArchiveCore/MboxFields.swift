import MailCore

/// The fields by which mbox files keep flags: Status, X-Status and X-Keywords, as most programs write them, and
/// Mozilla's.
struct MboxFields {
    var flags: MessageFlags = []
    var keywords: [Keyword] = []
    /// Whether it is the message in which some programs keep data of their own.
    var isInternal = false

    /// Takes what a header says of flags out of it.
    ///
    /// - Parameter header: whole lines, with any line ends; the empty line behind it may be there.
    mutating func take(from header: [UInt8]) -> [UInt8] {
        var kept: [UInt8] = []
        kept.reserveCapacity(header.count)
        var drops = false
        var start = 0
        var isBase = false
        var isPlaceholder = false
        while start < header.count {
            let end = header[start...].firstIndex(of: 0x0A).map { $0 + 1 } ?? header.count
            let line = header[start..<end]
            start = end
            if let first = line.first, first == 0x20 || first == 0x09 {
                if !drops { kept.append(contentsOf: line) }
                continue
            }
            guard let colon = line.firstIndex(of: 0x3A) else {
                drops = false
                kept.append(contentsOf: line)
                continue
            }
            let name = line[..<colon].map(ASCII.lowercased)
            let value = line[(colon + 1)...].filter { $0 != 0x0D && $0 != 0x0A }
            drops = self.note(name, value)
            if name.elementsEqual("x-imap".utf8) || name.elementsEqual("x-imapbase".utf8) { isBase = true }
            if name.elementsEqual("subject".utf8),
                String(decoding: value, as: UTF8.self).contains("DON'T DELETE THIS MESSAGE")
            {
                isPlaceholder = true
            }
            if !drops { kept.append(contentsOf: line) }
        }
        self.isInternal = isBase && isPlaceholder
        return kept
    }

    /// Whether a field is one of these.
    private mutating func note(_ name: [UInt8], _ value: [UInt8]) -> Bool {
        switch String(decoding: name, as: UTF8.self) {
        case "status":
            if value.contains(UInt8(ascii: "R")) { self.flags.insert(.seen) }
        case "x-status":
            let known: [(UInt8, MessageFlags)] = [
                (UInt8(ascii: "A"), .answered), (UInt8(ascii: "F"), .flagged), (UInt8(ascii: "T"), .draft),
                (UInt8(ascii: "D"), .deleted),
            ]
            for (letter, flag) in known where value.contains(letter) { self.flags.insert(flag) }
        case "x-keywords", "x-mozilla-keys":
            for word in value.split(whereSeparator: { $0 == 0x20 || $0 == 0x09 || $0 == 0x2C }) {
                guard self.keywords.count < 64, let keyword = Keyword(String(decoding: word, as: UTF8.self)),
                    !self.keywords.contains(keyword)
                else { continue }
                self.keywords.append(keyword)
            }
        case "x-mozilla-status":
            guard let bits = UInt16(String(decoding: value.filter { $0 != 0x20 }, as: UTF8.self), radix: 16) else {
                break
            }
            if bits & 1 != 0 { self.flags.insert(.seen) }
            if bits & 2 != 0 { self.flags.insert(.answered) }
            if bits & 4 != 0 { self.flags.insert(.flagged) }
            if bits & 8 != 0 { self.flags.insert(.deleted) }
        case "x-imap", "x-imapbase", "x-uid", "x-mozilla-status2": break
        default: return false
        }
        return true
    }

    /// The fields for flags, with LF.
    static func lines(_ flags: MessageFlags, _ keywords: [Keyword]) -> [UInt8] {
        var out = Array("Status: \(flags.contains(.seen) ? "RO" : "O")\n".utf8)
        var letters = ""
        if flags.contains(.answered) { letters += "A" }
        if flags.contains(.flagged) { letters += "F" }
        if flags.contains(.draft) { letters += "T" }
        if flags.contains(.deleted) { letters += "D" }
        if !letters.isEmpty { out += Array("X-Status: \(letters)\n".utf8) }
        if !keywords.isEmpty { out += Array("X-Keywords: \(keywords.map(\.name).joined(separator: " "))\n".utf8) }
        return out
    }
}

/// The line that begins a message in an mbox file: `From SENDER Sat Jan  3 01:05:34 1996`.
enum MboxSeparator {
    private static let days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
    private static let months = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ]

    /// The time that a line says, seconds since 1970; `nil` when it is no such line. Without a zone it is taken as UTC.
    static func date(_ line: some Collection<UInt8>) -> Int64? {
        guard line.starts(with: "From ".utf8) else { return nil }
        let words = line.dropFirst(5).split(whereSeparator: { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D || $0 == 0x0A })
            .map { String(decoding: $0.map(ASCII.lowercased), as: UTF8.self) }
        for (index, word) in words.enumerated() where self.days.contains(word) {
            if let date = Self.date(words[(index + 1)...]) { return date }
        }
        return nil
    }

    /// `jan 3 01:05:34 1996`, with a zone before or behind the year.
    private static func date(_ words: ArraySlice<String>) -> Int64? {
        var words = words
        guard let month = words.popFirst().flatMap({ self.months.firstIndex(of: $0) }),
            let day = words.popFirst().flatMap({ Int($0) })
        else { return nil }
        let time = words.popFirst()?.split(separator: ":").map { Int($0) } ?? []
        guard time.count == 2 || time.count == 3, let hour = time[0], let minute = time[1] else { return nil }
        guard let second = time.count == 3 ? time[2] : 0 else { return nil }
        var year: Int?
        var zone = 0
        for word in words.prefix(3) {
            if let first = word.first, first == "+" || first == "-", word.utf8.count == 5,
                let value = Int(word.dropFirst())
            {
                zone = (value / 100 * 60 + value % 100) * (first == "-" ? -60 : 60)
            } else if year == nil, word.utf8.count == 4, let value = Int(word), value >= 1900 {
                year = value
            }
        }
        guard let year else { return nil }
        let date = CivilDate(year: year, month: month + 1, day: day, hour: hour, minute: minute, second: second)
        return date.isValid ? date.secondsSince1970 - Int64(zone) : nil
    }

    /// The line of a message that came at that time, with LF.
    static func line(_ date: Int64) -> [UInt8] {
        let civil = CivilDate(secondsSince1970: date)
        func two(_ number: Int, _ pad: String = "0") -> String { number < 10 ? "\(pad)\(number)" : "\(number)" }
        // 1970-01-01 was a Thursday.
        let days = (date >= 0 ? date : date - 86_399) / 86_400
        let weekday = Int(((days + 4) % 7 + 7) % 7)
        func capitalized(_ text: String) -> String { text.prefix(1).uppercased() + text.dropFirst() }
        let time = "\(two(civil.hour)):\(two(civil.minute)):\(two(civil.second))"
        let year = String(repeating: "0", count: max(0, 4 - "\(civil.year)".utf8.count)) + "\(civil.year)"
        let day = "\(capitalized(self.days[weekday])) \(capitalized(self.months[civil.month - 1]))"
        return Array("From MAILER-DAEMON \(day) \(two(civil.day, " ")) \(time) \(year)\n".utf8)
    }
}
