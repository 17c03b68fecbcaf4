import MIMECore
import MailCore

extension SieveExtension {
    /// RFC 5260 sections 4 and 5.
    static let date = SieveExtension(
        capability: "date",
        tests: [
            SieveDefinition(
                "date", capability: "date",
                Signature(
                    tags: [
                        TagDefinition("originalzone", group: zone),
                        TagDefinition("zone", group: zone, argument: .string),
                    ], shared: [.matchType, .comparator],
                    positional: [
                        PositionalArgument("the header name", .string),
                        PositionalArgument("the date part", .string),
                        PositionalArgument("the keys", .stringList),
                    ])
            ) { compiler, arguments in
                let source = compiler.fieldSource(arguments, names: arguments.strings(0))
                let part = compiler.datePart(arguments.strings(1))
                let zone = compiler.dateZone(arguments.tags[zone])
                let keys = compiler.texts(arguments.strings(2))
                guard let source, let part, let zone, let matcher = compiler.matcher(arguments) else { return }
                compiler.emit(DateTest(source: source, zone: zone, part: part, keys: keys, matcher: matcher))
            },
            SieveDefinition(
                "currentdate", capability: "date",
                Signature(
                    tags: [TagDefinition("zone", group: zone, argument: .string)],
                    shared: [.matchType, .comparator],
                    positional: [
                        PositionalArgument("the date part", .string),
                        PositionalArgument("the keys", .stringList),
                    ])
            ) { compiler, arguments in
                let part = compiler.datePart(arguments.strings(0))
                let zone = compiler.dateZone(arguments.tags[zone])
                let keys = compiler.texts(arguments.strings(1))
                guard let part, let zone, let matcher = compiler.matcher(arguments) else { return }
                compiler.emit(DateTest(source: nil, zone: zone, part: part, keys: keys, matcher: matcher))
            },
        ])

    private static let zone = TagGroup(name: "zone")

    /// RFC 5260 section 6.
    static let index = SieveExtension(
        capability: "index",
        tags: ["header", "address", "date"].flatMap {
            [
                ($0, TagDefinition("index", argument: .number, capability: "index")),
                ($0, TagDefinition("last", capability: "index")),
            ]
        })
}

extension ScriptCompiler {
    /// `nil` after an error.
    fileprivate mutating func datePart(_ literals: [StringLiteral]) -> DatePart? {
        guard let literal = literals.first, let octets = self.constant(literal, "the date part") else { return nil }
        guard let part = DatePart(rawValue: String(decoding: octets.map(ASCII.lowercased), as: UTF8.self)) else {
            self.error(literal.position, "\(quoted(octets)) is no part of a date")
            return nil
        }
        return part
    }

    fileprivate mutating func dateZone(_ tag: SieveArguments.Tag?) -> DateTest.Zone? {
        guard let tag else { return .local }
        guard let literal = tag.strings.first else { return .original }
        let text = self.text(literal)
        if let octets = text.constant, ZoneOffset.minutes(octets) == nil {
            self.error(literal.position, "\(quoted(octets)) is no time zone; they are written like \"+0100\"")
            return nil
        }
        return .given(text)
    }
}

/// A time zone as mail writes it.
enum ZoneOffset {
    /// Minutes east of Greenwich of `+hhmm` or `-hhmm`.
    static func minutes(_ text: [UInt8]) -> Int? {
        guard text.count == 5, text[0] == UInt8(ascii: "+") || text[0] == UInt8(ascii: "-"),
            text[1...].allSatisfy(ASCII.isDigit)
        else { return nil }
        let digits = text[1...].map { Int($0 - 0x30) }
        let hours = digits[0] * 10 + digits[1]
        let minutes = digits[2] * 10 + digits[3]
        guard hours < 24, minutes < 60 else { return nil }
        return (hours * 60 + minutes) * (text[0] == UInt8(ascii: "-") ? -1 : 1)
    }
}

/// RFC 5260 section 4.2.
enum DatePart: String, Sendable {
    case year, month, day, date, julian, hour, minute, second, time, iso8601, std11, zone, weekday

    func text(of tested: TestedDate) -> [UInt8] {
        let date = tested.date
        var civil = date.asWritten
        if tested.isLeapSecond { civil.second = 60 }
        var out: [UInt8] = []
        func number(_ value: Int, _ width: Int) {
            let digits = String(max(0, value))
            for _ in 0..<max(0, width - digits.utf8.count) { out.append(UInt8(ascii: "0")) }
            out += digits.utf8
        }
        func day() {
            number(civil.year, 4)
            out.append(UInt8(ascii: "-"))
            number(civil.month, 2)
            out.append(UInt8(ascii: "-"))
            number(civil.day, 2)
        }
        func clock() {
            number(civil.hour, 2)
            out.append(UInt8(ascii: ":"))
            number(civil.minute, 2)
            out.append(UInt8(ascii: ":"))
            number(civil.second, 2)
        }
        func zone(_ separator: String) {
            let minutes = date.zoneOffsetMinutes
            out.append(minutes < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"))
            number(abs(minutes) / 60, 2)
            out += separator.utf8
            number(abs(minutes) % 60, 2)
        }
        switch self {
        case .year: number(civil.year, 4)
        case .month: number(civil.month, 2)
        case .day: number(civil.day, 2)
        case .date: day()
        // The Modified Julian Day: 1970-01-01 is day 40587.
        case .julian: out += String(date.dayAsWritten + 40587).utf8
        case .hour: number(civil.hour, 2)
        case .minute: number(civil.minute, 2)
        case .second: number(civil.second, 2)
        case .time: clock()
        case .iso8601:
            day()
            out.append(UInt8(ascii: "T"))
            clock()
            // RFC 5260 section 4.2.
            if date.zoneOffsetMinutes == 0 { out.append(UInt8(ascii: "Z")) } else { zone(":") }
        case .std11:
            date.appendRFC5322(to: &out)
            // `59 +0000`
            if tested.isLeapSecond { out.replaceSubrange(out.count - 8..<out.count - 6, with: "60".utf8) }
        case .zone: zone("")
        case .weekday: number(civil.weekday, 1)
        }
        return out
    }
}

/// A date that a test looks at.
struct TestedDate {
    /// Of a leap second the second before it, which is of the same minute.
    var date: MessageDate
    /// Whether it is the second 60 of its minute.
    var isLeapSecond = false

    init(_ date: MessageDate) { self.date = date }

    /// `nil` where the text is no date.
    init?(parsing text: ArraySlice<UInt8>) {
        guard let date = text.withUnsafeBytes({ MessageDate(parsing: Octets($0)) }) else { return nil }
        self.date = date
        guard Self.endsMinute(date.asWritten, of: text) else { return }
        self.date.secondsSince1970 -= 1
        self.isLeapSecond = true
    }

    /// Whether the text says `hh:mm:60`, which came out as the first second of the next minute.
    private static func endsMinute(_ civil: CivilDate, of text: ArraySlice<UInt8>) -> Bool {
        guard civil.second == 0, let colon = text.firstIndex(of: UInt8(ascii: ":")) else { return false }
        let clock = Array(text[..<colon].suffix(2) + text[colon...].prefix(6))
        guard clock.count == 8, clock[5...].elementsEqual(":60".utf8),
            [0, 1, 3, 4].allSatisfy({ ASCII.isDigit(clock[$0]) }),
            !(text[colon...].dropFirst(6).first.map(ASCII.isDigit) ?? false)
        else { return false }
        func number(_ index: Int) -> Int { Int(clock[index] - 0x30) * 10 + Int(clock[index + 1] - 0x30) }
        return number(0) < 24 && (number(0) * 60 + number(3) + 1) % 1440 == civil.hour * 60 + civil.minute
    }
}

/// `date`, and `currentdate` where there is no source.
struct DateTest: SieveTest {
    enum Zone: Sendable {
        /// That of the server or user, as it was on that day.
        case local
        /// As the header has it.
        case original
        case given(SieveText)
    }

    let source: FieldSource?
    let zone: Zone
    let part: DatePart
    let keys: [SieveText]
    let matcher: any SieveMatcher

    func evaluate(_ run: inout SieveRun) throws(SieveRuntimeError) -> Bool {
        var dates: [TestedDate] = []
        if let source = self.source {
            for body in try source.bodies(&run) {
                // Of a Received field it is what stands behind the last semicolon.
                let start = body.lastIndex(of: UInt8(ascii: ";")).map { $0 + 1 } ?? 0
                if let date = TestedDate(parsing: body[start...]) { dates.append(date) }
            }
        } else {
            dates = [TestedDate(run.environment.now)]
        }
        switch self.zone {
        case .original: break
        case .local:
            for index in dates.indices {
                let time = dates[index].date.secondsSince1970
                dates[index].date.zoneOffsetMinutes = run.environment.zoneOffsetMinutes(at: time)
            }
        case .given(let text):
            let zone = try text.octets(&run)
            guard let minutes = ZoneOffset.minutes(zone) else {
                throw run.error("\(quoted(zone)) is no time zone; they are written like \"+0100\"")
            }
            for index in dates.indices { dates[index].date.zoneOffsetMinutes = minutes }
        }
        return try self.matcher.matches(dates.map(self.part.text), self.keys, &run)
    }
}
