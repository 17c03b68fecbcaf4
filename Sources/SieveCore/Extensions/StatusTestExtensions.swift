import MailCore

extension SieveExtension {
    /// RFC 5235 section 3.2.
    static let spamTest = SieveExtension(capability: "spamtest", tests: [command("spamtest", capability: "spamtest")])

    /// RFC 5235 section 3.3: percents.
    static let spamTestPlus = SieveExtension(capability: "spamtestplus", implies: ["spamtest"])

    /// RFC 5235 section 3.4.
    static let virusTest = SieveExtension(
        capability: "virustest", tests: [command("virustest", capability: "virustest")])

    private static func command(_ name: String, capability: String) -> SieveDefinition {
        let isVirus = name == "virustest"
        return SieveDefinition(
            name, capability: capability,
            Signature(
                tags: isVirus ? [] : [TagDefinition("percent", capability: "spamtestplus")],
                shared: [.matchType, .comparator], positional: [PositionalArgument("the value", .string)])
        ) { compiler, arguments in
            let keys = compiler.texts(arguments.strings(0))
            guard let matcher = compiler.matcher(arguments) else { return }
            compiler.emit(
                StatusValueTest(isVirus: isVirus, isPercent: arguments.has("percent"), keys: keys, matcher: matcher))
        }
    }
}

/// Compares what a scanner has written into the header, on the scale of the test.
struct StatusValueTest: SieveTest {
    let isVirus: Bool
    let isPercent: Bool
    let keys: [SieveText]
    let matcher: any SieveMatcher

    func evaluate(_ run: inout SieveRun) throws(SieveRuntimeError) -> Bool {
        let settings = self.isVirus ? run.policy.virusTest : run.policy.spamTest
        let status = try self.status(settings, &run)
        let value: Int
        switch (self.isVirus, self.isPercent, status) {
        case (_, _, .untested): value = 0
        case (true, _, .level(let level)): value = min(5, max(0, level))
        case (false, true, .level(let level)): value = min(100, max(0, (level - 1) * 100 / 9))
        case (false, false, .level(let level)): value = min(10, max(0, level))
        // RFC 5235 section 3.2: 1 is clean, 10 spam without doubt; 0 was not tested.
        case (true, _, .part(let part)): value = 1 + Self.whole(part * 4)
        case (false, true, .part(let part)): value = Self.whole(part * 100)
        case (false, false, .part(let part)): value = 1 + Self.whole(part * 9)
        }
        let values = [Array(String(value).utf8)]
        // What was not tested has no value to count, while 0 percent is one (RFC 5235 section 3.2.2).
        if self.matcher.counts, status.isUntested { return try self.matcher.matches([], self.keys, &run) }
        return try self.matcher.matches(values, self.keys, &run)
    }

    /// Rounded down; what a division has brought just below a number is that number.
    private static func whole(_ value: Double) -> Int { Int((value + 0.001).rounded(.down)) }

    private enum Status {
        case untested
        /// Of the scale of the test itself.
        case level(Int)
        /// 0 to 1.
        case part(Double)

        var isUntested: Bool {
            switch self {
            case .untested: true
            case .level(let level): level <= 0
            case .part: false
            }
        }
    }

    private func status(
        _ settings: SievePolicy.StatusTest, _ run: inout SieveRun
    ) throws(SieveRuntimeError) -> Status {
        guard let kind = settings.kind, let text = try Self.value(settings.statusHeader, &run) else { return .untested }
        switch kind {
        case .text:
            let found = settings.texts.first { ASCII.equalsIgnoringCase($0.value.utf8, text) }
            return found.map { .level($0.key) } ?? .untested
        case .strlen, .score:
            var maximum = Self.number(Array(settings.maximum.utf8))
            if !settings.maximumHeader.isEmpty {
                guard let held = try Self.value(settings.maximumHeader, &run) else { return .untested }
                maximum = Self.number(held)
            }
            guard let maximum, maximum > 0 else { return .untested }
            let score = kind == .strlen ? Double(text.count) : Self.number(text)
            guard let score else { return .untested }
            return .part(score < 0 ? 0 : min(1, score / maximum))
        }
    }

    /// What `Header` or `Header:regular-expression` yields.
    private static func value(_ source: String, _ run: inout SieveRun) throws(SieveRuntimeError) -> [UInt8]? {
        let parts = source.utf8.split(separator: UInt8(ascii: ":"), maxSplits: 1)
        guard let name = parts.first else { return nil }
        let trimmed = name.filter { $0 != 0x20 }
        try run.spend(run.message.fields.count)
        guard let body = run.message.bodies(Array(trimmed)).first else { return nil }
        let text = run.message.decoded(body)
        guard parts.count == 2 else { return text }
        guard case .success(let regex) = Regex.parse(Array(parts[1].drop { $0 == 0x20 }), ignoringCase: true) else {
            return nil
        }
        guard let groups = try regex.match(text, &run) else { return nil }
        guard let group = groups.count > 1 ? groups[1] : groups[0] else { return nil }
        return Array(text[group])
    }

    /// A decimal number at the beginning, with sign and point.
    private static func number(_ text: [UInt8]) -> Double? {
        var index = 0
        while index < text.count, text[index] == 0x20 || text[index] == 0x09 { index += 1 }
        var sign = 1.0
        if index < text.count, text[index] == UInt8(ascii: "-") || text[index] == UInt8(ascii: "+") {
            if text[index] == UInt8(ascii: "-") { sign = -1 }
            index += 1
        }
        var value = 0.0
        var scale = 0.0
        var digits = 0
        while index < text.count, digits < 18 {
            if ASCII.isDigit(text[index]) {
                digits += 1
                value = value * 10 + Double(text[index] - 0x30)
                scale *= 10
            } else if text[index] == UInt8(ascii: "."), scale == 0 {
                scale = 1
            } else {
                break
            }
            index += 1
        }
        guard digits > 0 else { return nil }
        return sign * value / (scale == 0 ? 1 : scale)
    }
}
