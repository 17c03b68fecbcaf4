internal import MailCore

/// A value, or what is wrong with its text.
package enum ParsedValue<Value> {
    case value(Value)
    /// Without the setting's name; says what to write instead.
    case wrong(String)
}

/// What the texts of values mean, type by type.
package enum SettingSyntax {
    /// Punctuation marks without a meaning in names of directories.
    package static let marks = "\\^%+=@!"

    package static func boolean(_ text: String) -> ParsedValue<Bool> {
        switch self.lowercased(text) {
        case "yes", "y", "true", "1": .value(true)
        case "no", "n", "false", "0": .value(false)
        default: .wrong("\"\(text)\" is neither yes nor no")
        }
    }

    /// Octets: a number with `B`, `k`, `M`, `G` or `T`, powers of 1024; `unlimited` is 0.
    package static func size(_ text: String) -> ParsedValue<UInt64> {
        let wrong = ParsedValue<UInt64>.wrong("\"\(text)\" is not a size; write one such as 512k, 10M or 1G")
        let (digits, unit) = self.split(text)
        if digits.isEmpty, unit == "unlimited" { return .value(0) }
        guard let number = UInt64(digits) else { return wrong }
        let shift: UInt64
        switch unit {
        case "", "b": shift = 0
        case "k", "kb", "kib": shift = 10
        case "m", "mb", "mib": shift = 20
        case "g", "gb", "gib": shift = 30
        case "t", "tb", "tib": shift = 40
        default: return wrong
        }
        let (octets, overflow) = number.multipliedReportingOverflow(by: 1 << shift)
        return overflow || octets > UInt64(Int64.max) ? wrong : .value(octets)
    }

    /// The largest size that a setting may have, 1 EiB: whoever uses one may add to it.
    package static let largestSize: UInt64 = 1 << 60

    package static func sizeText(_ octets: UInt64) -> String {
        for (shift, unit) in [(40, "T"), (30, "G"), (20, "M"), (10, "k")] as [(UInt64, String)]
        where octets > 0 && octets & ((1 << shift) - 1) == 0 {
            return String(octets >> shift) + " " + unit
        }
        return String(octets)
    }

    /// A thousand years, in milliseconds, which those who use a time may count in and add to a clock.
    private static let longestTime: Int64 = 365_250 * 86_400_000

    /// A number with a unit: `ms`, `s`, `min`, `h`, `d`, `w` or the words; only 0 may stand alone. At most a thousand
    /// years.
    package static func time(_ text: String) -> ParsedValue<Duration> {
        let (digits, unit) = self.split(text)
        let wrong = ParsedValue<Duration>.wrong(
            unit.isEmpty && !digits.isEmpty
                ? "\"\(text)\" has no unit; write one such as \(digits) s, \(digits) min or \(digits) days"
                : "\"\(text)\" is not a time; write one such as 30 s, 5 min, 12 h or 30 days")
        let length: Int64
        switch unit {
        case "": return Int64(digits) == 0 ? .value(.zero) : wrong
        case "ms", "msec", "msecs", "millisecond", "milliseconds", "mils": length = 1
        case "s", "sec", "secs", "second", "seconds": length = 1000
        case "m", "min", "mins", "minute", "minutes": length = 60_000
        case "h", "hour", "hours": length = 3_600_000
        case "d", "day", "days": length = 86_400_000
        case "w", "week", "weeks": length = 604_800_000
        default: return wrong
        }
        guard !digits.isEmpty else { return wrong }
        // More digits than a number can have are too many.
        let (milliseconds, overflow) = (Int64(digits) ?? .max).multipliedReportingOverflow(by: length)
        guard !overflow, milliseconds <= self.longestTime else {
            return .wrong("\"\(text)\" is longer than a thousand years; write 365250 days at most")
        }
        return .value(.milliseconds(milliseconds))
    }

    package static func timeText(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let milliseconds = attoseconds / 1_000_000_000_000_000
        if milliseconds != 0 { return "\(seconds * 1000 + milliseconds) ms" }
        for (length, unit) in [(604_800, "week"), (86400, "day"), (3600, "hour"), (60, "min")]
            as [(Int64, String)]
        where seconds > 0 && seconds % length == 0 {
            let count = seconds / length
            return "\(count) \(unit)\(count > 1 && unit != "min" ? "s" : "")"
        }
        return seconds == 0 ? "0" : "\(seconds) s"
    }

    /// An absolute path without slashes at its end; `/` stays.
    package static func path(_ text: String) -> String {
        var path = text[...]
        while path.utf8.count > 1, path.hasSuffix("/") { path = path.dropLast() }
        return String(path)
    }

    /// What a listener is bound to: `*` or a literal address, which may stand in brackets. Not with a zone
    /// (`fe80::1%eth0`): such an address is that of one interface, and comes and goes with it.
    package static func listenAddress(_ text: String) -> ParsedValue<String> {
        let isBracketed = text.first == "[" && text.last == "]"
        let address = isBracketed ? String(text.dropFirst().dropLast()) : text
        if address.contains("%") {
            return .wrong(
                "\"\(text)\" has a zone (%), with which no listener works; write an address without one, * or ::")
        }
        guard address == "*" || (IPNetwork(address) != nil && !address.contains("/")) else {
            return .wrong("\"\(text)\" is not an address; write one, * or ::")
        }
        return .value(address)
    }

    /// Words separated by blanks or commas.
    package static func words(_ text: String) -> [String] {
        text.split { $0 == " " || $0 == "\t" || $0 == "," || $0 == "\n" }.map(String.init)
    }

    /// The case whose raw value is `text` in any ASCII case.
    package static func choice<Choice: SettingChoice>(_ text: String) -> ParsedValue<Choice> {
        let folded = self.lowercased(text)
        if let found = Choice.allCases.first(where: { self.lowercased($0.rawValue) == folded }) {
            return .value(found)
        }
        let names = Choice.allCases.map(\.rawValue)
        if names.contains("yes") || names.contains("no") {
            switch (folded, Choice(rawValue: "yes"), Choice(rawValue: "no")) {
            case ("true", let yes?, _), ("y", let yes?, _): return .value(yes)
            case ("false", _, let no?), ("n", _, let no?): return .value(no)
            default: break
            }
        }
        if let hint = DovecotSettings.valueHints[folded] { return .wrong("\"\(text)\": \(hint)") }
        if let near = Spelling.nearest(to: text, among: names) {
            return .wrong("\"\(text)\" is unknown; did you mean \(near)?")
        }
        return .wrong("\"\(text)\" is unknown; write \(self.choiceNames(Choice.self, "or"))")
    }

    package static func choiceNames<Choice: SettingChoice>(_: Choice.Type, _ joint: String) -> String {
        let names = Choice.allCases.map(\.rawValue)
        guard let last = names.last, names.count > 1 else { return names.first ?? "" }
        return names.dropLast().joined(separator: ", ") + " \(joint) " + last
    }

    /// ASCII letters folded, nothing else touched.
    package static func lowercased(_ text: some StringProtocol) -> String {
        String(decoding: text.utf8.map(ASCII.lowercased), as: UTF8.self)
    }

    /// Leading digits, and the rest without blanks in lower case.
    private static func split(_ text: String) -> (digits: String, unit: String) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(digits.count).drop { $0 == " " || $0 == "\t" }
        return (String(digits), self.lowercased(unit))
    }
}
