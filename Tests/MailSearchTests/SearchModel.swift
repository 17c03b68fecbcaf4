import IMAPCore
import MIMECore
import MailCore
import MailStore

/// A source of the same numbers for the same seed.
struct Chance {
    private var state: UInt64
    init(_ seed: UInt64) { self.state = seed &* 2_862_933_555_777_941_757 &+ 3_037_000_493 }

    mutating func below(_ bound: Int) -> Int {
        self.state = self.state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(self.state >> 33) % max(1, bound)
    }

    mutating func one<Element>(of list: [Element]) -> Element { list[self.below(list.count)] }
    mutating func happens(_ in: Int) -> Bool { self.below(`in`) == 0 }
}

/// A message as whoever wrote it knows it: what SEARCH has to find out, told in advance.
struct ModelMessage {
    var record: MessageRecord
    var keywords: Set<String>
    var saveDay: Int
    var arrivalDay: Int
    /// The Date field's day, as written.
    var sentDay: Int?
    /// Fields of the message's own header and what they say.
    var fields: [(name: String, text: String)]
    /// What parts, and messages inside, say in texts and in headers.
    var inside: Inside
    var octets: [UInt8]

    struct Inside {
        var texts: [String] = []
        var headers: [String] = []
    }

    static let words = [
        "Grüße", "aus", "Köln", "ΟΔΟΣ", "привет", "мир", "lunch", "Tomorrow", "budget", "naïve", "日本語", "report",
        "50%", "o'neil",
    ]

    /// A day in 2024 or 2025, counted from 1 January 2024.
    static func date(_ day: Int) -> CivilDate {
        var left = day
        for (year, february) in [(2024, 29), (2025, 28)] {
            for (index, length) in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31].enumerated() {
                if left < length { return CivilDate(year: year, month: index + 1, day: left + 1) }
                left -= length
            }
        }
        return CivilDate(year: 2026, month: 1, day: 1)
    }

    /// Seconds since 1970 at 1 January 2024.
    static let epoch: Int64 = 1_704_067_200

    static func text(_ chance: inout Chance) -> String {
        (0..<1 + chance.below(4)).map { _ in chance.one(of: self.words) }.joined(separator: " ")
    }

    init(uid: UInt32, modSeq: UInt64, _ table: inout KeywordTable, _ chance: inout Chance) {
        self.arrivalDay = chance.below(700)
        self.saveDay = chance.below(700)
        self.sentDay = chance.happens(6) ? nil : chance.below(700)
        self.fields = []
        self.inside = Inside()
        self.keywords = []
        var header = ""
        for name in ["From", "To", "Cc", "Bcc", "Subject", "X-Odd-Field"] where !chance.happens(3) {
            for _ in 0...(chance.happens(8) ? 1 : 0) {
                let text = Self.text(&chance)
                self.fields.append((name, text))
                header += "\(name): \(Self.encoded(text, &chance))\r\n"
            }
        }
        if let sentDay = self.sentDay {
            let date = Self.date(sentDay)
            let month = "JanFebMarAprMayJunJulAugSepOctNovDec".dropFirst(date.month * 3 - 3).prefix(3)
            // At night in a zone far away, so that UTC has another day.
            let text = "\(date.day) \(month) \(date.year) \(chance.happens(2) ? "00:30:00 +1100" : "23:30:00 -0900")"
            self.fields.append(("Date", text))
            header += "date : \(text)\r\n"
        }
        var octets = Array(header.utf8)
        Self.appendBody(to: &octets, &self.inside, &chance, depth: 0)
        self.octets = octets
        var numbers: [UInt16] = []
        for keyword in ["$Junk", "work", "later"] where chance.happens(3) {
            self.keywords.insert(keyword.lowercased())
            if let keyword = Keyword(keyword), let number = table.add(keyword) { numbers.append(number) }
        }
        self.record = MessageRecord(
            uid: UID(nonZero: uid), flags: MessageFlags(rawValue: UInt8(chance.below(32))),
            keywords: table.set(of: numbers), modSeq: ModSeq(rawValue: modSeq),
            internalDate: Self.epoch + Int64(self.arrivalDay) * 86_400 + Int64(chance.below(86_400)),
            size: UInt32(chance.below(5000)))
    }

    private static func encoded(_ text: String, _ chance: inout Chance) -> String {
        switch chance.below(4) {
        case 0: return "=?UTF-8?B?\(base64(Array(text.utf8)))?="
        case 1:
            let words = text.split(separator: " ").map { "=?utf-8?q?\(quoted(Array($0.utf8)))_?=" }
            return words.joined(separator: "\r\n ")
        // Raw, folded.
        case 2: return text.replacingSpaces(with: "\r\n\t")
        default: return text
        }
    }

    private static func appendBody(
        to out: inout [UInt8], _ inside: inout Inside, _ chance: inout Chance, depth: Int
    ) {
        func add(_ text: String) { out.append(contentsOf: Array(text.utf8)) }
        switch chance.below(depth > 2 ? 4 : 6) {
        case 0:
            let text = self.text(&chance)
            inside.texts.append(text)
            add("\r\n" + text + "\r\n")
        case 1:
            let text = self.text(&chance)
            inside.texts.append(text)
            add("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n")
            add(base64(Array(text.utf8)) + "\r\n")
        case 2:
            let text = self.text(&chance)
            inside.texts.append(text)
            add("Content-Type: text/x-any; charset=\"utf-8\"\r\nContent-Transfer-Encoding: Quoted-Printable\r\n\r\n")
            // A soft line break between any two octets.
            add(Array(text.utf8).map { "\(quoted([$0], underscores: false))=\r\n" }.joined() + "\r\n")
        case 3:
            // Not text: nobody looks into it.
            add("Content-Type: application/pdf\r\n\r\n" + self.text(&chance) + "\r\n")
        case 4:
            let boundary = "b\(depth)-\(chance.below(1000))"
            add("Content-Type: multipart/mixed; boundary=\(boundary)\r\n\r\n")
            for _ in 0..<1 + chance.below(3) {
                add("--\(boundary)\r\n")
                if chance.happens(3) {
                    let text = self.text(&chance)
                    inside.headers.append(text)
                    add("Content-Description: \(self.encoded(text, &chance))\r\n")
                }
                self.appendBody(to: &out, &inside, &chance, depth: depth + 1)
            }
            add("--\(boundary)--\r\n")
        default:
            let text = self.text(&chance)
            inside.headers.append(text)
            add("Content-Type: message/rfc822\r\n\r\nSubject: \(self.encoded(text, &chance))\r\n")
            self.appendBody(to: &out, &inside, &chance, depth: depth + 1)
        }
    }

    private static func base64(_ octets: [UInt8]) -> String {
        String(decoding: Base64.encode(octets), as: UTF8.self)
    }

    private static func quoted(_ octets: [UInt8], underscores: Bool = true) -> String {
        octets.map { byte in
            if ASCII.isLetter(byte) || ASCII.isDigit(byte) { return String(UnicodeScalar(byte)) }
            let digits = String(byte, radix: 16, uppercase: true)
            return "=" + (digits.utf8.count == 1 ? "0" : "") + digits
        }.joined()
    }

    // MARK: The model's SEARCH

    func matches(_ key: SearchKey, at index: Int, of count: Int, largest: UInt32, recent: UIDSet) -> Bool {
        func holds(_ key: SearchKey) -> Bool {
            self.matches(key, at: index, of: count, largest: largest, recent: recent)
        }
        func day(_ date: CivilDate) -> Int { Int((date.secondsSince1970 - Self.epoch) / 86_400) }
        func isIn(_ set: SequenceSet, _ number: UInt32, _ star: UInt32) -> Bool {
            set.elements.contains { element in
                let a = element.first == 0 ? star : element.first
                let b = element.last == 0 ? star : element.last
                return (min(a, b)...max(a, b)).contains(number)
            }
        }
        func has(_ text: String, _ needle: [UInt8]) -> Bool {
            let needle = Array(String(decoding: needle, as: UTF8.self).lowercased().utf8)
            let text = Array(text.lowercased().utf8)
            guard !needle.isEmpty else { return true }
            guard needle.count <= text.count else { return false }
            return (0...text.count - needle.count).contains { text[$0...].starts(with: needle) }
        }
        switch key {
        case .all, .saveDateSupported: return true
        case .and(let keys): return keys.allSatisfy(holds)
        case .or(let a, let b): return holds(a) || holds(b)
        case .not(let key): return !holds(key)
        case .fuzzy, .emailID, .threadID, .filter: return false
        case .flags(let flags): return self.record.flags.intersection(flags) == flags
        case .notFlags(let flags): return self.record.flags.intersection(flags).isEmpty
        case .recent: return recent.contains(self.record.uid)
        case .keyword(let keyword): return self.keywords.contains(keyword.name.lowercased())
        case .sequence(let set): return isIn(set, UInt32(index + 1), UInt32(count))
        case .uid(let set): return isIn(set, self.record.uid.rawValue, largest)
        case .modSeq(let modSeq): return self.record.modSeq >= modSeq
        case .before(let date): return self.arrivalDay < day(date)
        case .on(let date): return self.arrivalDay == day(date)
        case .since(let date): return self.arrivalDay >= day(date)
        case .savedBefore(let date): return self.saveDay < day(date)
        case .savedOn(let date): return self.saveDay == day(date)
        case .savedSince(let date): return self.saveDay >= day(date)
        case .older(let seconds): return Self.now - self.record.internalDate >= Int64(seconds)
        case .younger(let seconds): return Self.now - self.record.internalDate <= Int64(seconds)
        case .sentBefore(let date): return self.sentDay.map { $0 < day(date) } ?? false
        case .sentOn(let date): return self.sentDay == day(date)
        case .sentSince(let date): return self.sentDay.map { $0 >= day(date) } ?? false
        case .larger(let size): return UInt64(self.record.size) > size
        case .smaller(let size): return UInt64(self.record.size) < size
        case .header(let name, let needle):
            let name = String(decoding: name, as: UTF8.self).lowercased()
            return self.fields.contains { $0.name.lowercased() == name && has($0.text, needle) }
        case .body(let needle): return needle.isEmpty || self.inside.texts.contains { has($0, needle) }
        case .text(let needle):
            return needle.isEmpty || self.inside.texts.contains { has($0, needle) }
                || self.inside.headers.contains { has($0, needle) } || self.fields.contains { has($0.text, needle) }
        }
    }

    static let now = epoch + 350 * 86_400
}

extension String {
    fileprivate func replacingSpaces(with text: String) -> String {
        self.split(separator: " ", omittingEmptySubsequences: false).joined(separator: text)
    }
}
