/// Messages by their numbers: everything about message `n` follows from `n`, so that any answer about it can be checked.
///
/// Each has a field `X-Load-Check: NUMBER OCTETS SUM` about all that stands behind it, so that what comes back is known
/// for what it was, whatever fields a server has put in front.
struct TestMail: Sendable {
    /// About so many octets.
    let size: Int

    static let checkField = "X-Load-Check: "
    /// In the text of every 97th message, and nowhere else.
    static let rareWord = "zephyrquartz"
    /// In the subjects of every 50th thread, and nowhere else.
    static let subjectWord = "invoice"
    /// One of 200 senders.
    static let rareSender = "quill.margarethe"

    // MARK: What is known without making the message

    /// Messages come in blocks of 300, which are 100 threads of three.
    static func thread(_ number: Int) -> Int { number / 300 * 100 + number % 300 % 100 }

    /// The message that this one answers.
    static func parent(_ number: Int) -> Int? { number % 300 < 100 ? nil : number - 100 }

    static func sender(_ number: Int) -> Int { (number * 31 + number / 7) % 200 }

    static func isSeen(_ number: Int) -> Bool { number % 3 != 0 }
    static func isFlagged(_ number: Int) -> Bool { number % 20 == 0 }
    static func hasRareWord(_ number: Int) -> Bool { number % 97 == 13 }
    static func hasSubjectWord(_ number: Int) -> Bool { self.thread(number) % 50 == 7 }

    static func flags(_ number: Int) -> Set<String> {
        var flags = Set<String>()
        if self.isSeen(number) { flags.insert("\\Seen") }
        if self.isFlagged(number) { flags.insert("\\Flagged") }
        return flags
    }

    private static let epoch = 1_577_836_800

    static func internalDate(_ number: Int) -> Int { self.epoch + number * 977 }
    static func sentDate(_ number: Int) -> Int { self.epoch + number * 977 - number * 7919 % 40_001 }

    static func messageID(_ number: Int) -> String { "load.\(number)@mail.example.org" }

    /// What the base subjects sort by: no two threads share it, and what follows it never decides.
    static func sortKey(_ number: Int) -> String {
        let thread = self.thread(number)
        let first = self.hasSubjectWord(number) ? self.subjectWord : self.words[thread * 17 % self.words.count]
        return "\(first) \(self.words[thread * 5 % self.words.count]) \(self.padded(thread, 7))"
    }

    static func subject(_ number: Int) -> String {
        let thread = self.thread(number)
        var subject = self.parent(number) == nil ? "" : number % 4 == 0 ? "RE: Re: " : "Re: "
        subject += self.sortKey(number)
        if thread % 10 == 3 { subject += " =?utf-8?Q?Gr=C3=B6=C3=9Fen=C3=BCbersicht?=" }
        return subject
    }

    // MARK: The message

    /// With CRLF line ends.
    func message(_ number: Int) -> [UInt8] {
        var random = Random(UInt64(number) &+ 1)
        var rest = ""
        rest.reserveCapacity(self.size + 1024)
        let sender = Self.sender(number)
        let address = sender == 77 ? "\(Self.rareSender)@example.net" : "sender\(sender)@example.com"
        rest += "Received: from mail\(sender).example.com ([192.0.2.\(sender)]) by mx.example.org with ESMTPS id "
        rest += "L\(number)\r\n\tfor <anna@example.org>; \(Self.mailDate(Self.internalDate(number)))\r\n"
        rest += "From: Sender Number \(sender) <\(address)>\r\n"
        rest += "To: Anna Example <anna@example.org>, \"Team, all\" <team@example.org>\r\n"
        rest += "Subject: \(Self.subject(number))\r\n"
        rest += "Date: \(Self.mailDate(Self.sentDate(number)))\r\n"
        rest += "Message-ID: <\(Self.messageID(number))>\r\n"
        if let parent = Self.parent(number) {
            rest += "In-Reply-To: <\(Self.messageID(parent))>\r\nReferences:"
            if let first = Self.parent(parent) { rest += " <\(Self.messageID(first))>" }
            rest += " <\(Self.messageID(parent))>\r\n"
        }
        rest += "MIME-Version: 1.0\r\n"
        let room = max(64, self.size - rest.utf8.count - 300)
        let boundary = "b\(number)"
        switch number % 7 {
        case 2, 5:
            rest += "Content-Type: multipart/alternative; boundary=\"\(boundary)\"\r\n\r\n"
            rest += "--\(boundary)\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
            let text = Self.text(room * 2 / 5, number, &random)
            rest += text
            rest += "\r\n--\(boundary)\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body>\r\n"
            for line in text.split(separator: "\r\n") { rest += "<p>\(line)</p>\r\n" }
            rest += "</body></html>\r\n--\(boundary)--\r\n"
        case 3:
            rest += "Content-Type: multipart/mixed; boundary=\"\(boundary)\"\r\n\r\n"
            rest += "--\(boundary)\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
            rest += Self.text(room / 3, number, &random)
            rest += "\r\n--\(boundary)\r\nContent-Type: application/pdf; name=\"paper\(number).pdf\"\r\n"
            rest += "Content-Disposition: attachment; filename=\"paper\(number).pdf\"\r\n"
            rest += "Content-Transfer-Encoding: base64\r\n\r\n"
            rest += Self.base64(room * 2 / 3, &random)
            rest += "--\(boundary)--\r\n"
        default:
            rest += "Content-Type: text/plain; charset=utf-8\r\n\r\n"
            rest += Self.text(room, number, &random)
        }
        let octets = Array(rest.utf8)
        let sum = String(Checksum.of(octets[...]), radix: 16)
        return Array("\(Self.checkField)\(number) \(octets.count) \(sum)\r\n".utf8) + octets
    }

    /// The number of a message that came back; throws when it is not the one that was sent.
    static func verify(_ message: [UInt8]) throws -> Int {
        let mark = Array(self.checkField.utf8)
        guard let start = Octets.find(mark, in: message), let end = Octets.find([0x0D, 0x0A], in: message, from: start)
        else { throw LoadError("a message without its \(self.checkField)field") }
        let fields = String(decoding: message[start + mark.count..<end], as: UTF8.self).split(separator: " ")
        let rest = message[(end + 2)...]
        guard fields.count == 3, let number = Int(fields[0]) else { throw LoadError("a damaged check field") }
        try check(
            Int(fields[1]) == rest.count,
            "message \(number) has \(rest.count) octets behind the field, not \(fields[1])")
        try check(UInt64(fields[2], radix: 16) == Checksum.of(rest), "message \(number) is not what it was")
        return number
    }

    // MARK: Pieces

    private struct Random {
        private var state: UInt64
        init(_ seed: UInt64) { self.state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

        mutating func next(_ bound: Int) -> Int {
            self.state ^= self.state << 13
            self.state ^= self.state >> 7
            self.state ^= self.state << 17
            return Int(self.state >> 11) % bound
        }
    }

    private static let words: [String] = {
        let syllables = "ba ce di fo gu ha je ki lo mu na pe ri so tu va we xi yo za bra cre dri flo gru ste pla".split(
            separator: " ")
        var random = Random(20)
        var words = Set<String>()
        while words.count < 1500 {
            words.insert((0..<2 + random.next(3)).map { _ in String(syllables[random.next(syllables.count)]) }.joined())
        }
        return words.sorted()
    }()

    private static func text(_ size: Int, _ number: Int, _ random: inout Random) -> String {
        var text = ""
        var line = 0
        var count = 0
        if self.hasRareWord(number) { text += "Here is \(self.rareWord) to be found.\r\n" }
        while count < size {
            let word = self.words[random.next(self.words.count)]
            text += word
            count += word.utf8.count + 1
            line += word.utf8.count + 1
            if line > 68 {
                text += "\r\n"
                line = 0
            } else {
                text += " "
            }
        }
        return text + "end\r\n"
    }

    private static func base64(_ size: Int, _ random: inout Random) -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var octets: [UInt8] = []
        for _ in 0..<max(1, size / 78) {
            for _ in 0..<76 { octets.append(digits[random.next(64)]) }
            octets += [0x0D, 0x0A]
        }
        return String(decoding: octets, as: UTF8.self)
    }

    private static func padded(_ number: Int, _ digits: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }

    static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// Year, month from 1, day and seconds of the day.
    static func civil(_ seconds: Int) -> (year: Int, month: Int, day: Int, rest: Int) {
        let days = seconds / 86400 + 719_468
        let era = days / 146_097
        let ofEra = days - era * 146_097
        let year = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * year + year / 4 - year / 100)
        let shifted = (5 * ofYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (year + era * 400 + (month <= 2 ? 1 : 0), month, ofYear - (153 * shifted + 2) / 5 + 1, seconds % 86400)
    }

    private static func time(_ rest: Int) -> String {
        "\(self.padded(rest / 3600, 2)):\(self.padded(rest / 60 % 60, 2)):\(self.padded(rest % 60, 2))"
    }

    static func mailDate(_ seconds: Int) -> String {
        let date = self.civil(seconds)
        let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][seconds / 86400 % 7]
        return "\(weekday), \(self.padded(date.day, 2)) \(self.months[date.month - 1]) \(date.year) "
            + "\(self.time(date.rest)) +0000"
    }

    /// As APPEND has it.
    static func appendDate(_ seconds: Int) -> String {
        let date = self.civil(seconds)
        return "\(self.padded(date.day, 2))-\(self.months[date.month - 1])-\(date.year) \(self.time(date.rest)) +0000"
    }

    /// As SEARCH has it.
    static func searchDate(_ seconds: Int) -> String {
        let date = self.civil(seconds)
        return "\(date.day)-\(self.months[date.month - 1])-\(date.year)"
    }
}
