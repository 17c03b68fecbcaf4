import MailCore
import Testing

@testable import IMAPCore

@Test(arguments: ["1", "*", "1:*", "*:4", "2,4:7,9,12:*", "4294967295", "5:3"])
func setsSurviveParseAndEncode(_ text: String) throws {
    var cursor = Cursor(bytes(text), limits: CommandLimits())
    let parsed = try cursor.sequenceSet()
    var out: [UInt8] = []
    parsed.encode(into: &out)
    #expect(out == bytes(text))
}

private func parse(_ text: String) throws -> SequenceSet {
    var cursor = Cursor(bytes(text), limits: CommandLimits())
    return try cursor.sequenceSet()
}

@Test(
    arguments: [
        ("2,4:7,9,12:*", 15, "2,4:7,9,12:15"), ("*:4,5:7", 10, "4:10"), ("3:1,2:5", 9, "1:5"),
        ("10:*", 4, "4:10"), ("*", 0, ""), ("1:*", 0, ""), ("7,7,7", 9, "7"),
    ] as [(String, UInt32, String)])
func resolvesUIDs(_ text: String, _ largest: UInt32, _ expected: String) throws {
    var out: [UInt8] = []
    out.appendRanges(try parse(text).resolved(largest: largest))
    #expect(String(decoding: out, as: UTF8.self) == expected)
}

@Test(
    arguments: [
        ("1:3", 3, "1:3"), ("4", 3, nil), ("1:4", 3, nil), ("4:*", 3, "3"), ("9:*,1", 3, "1,3"),
        ("1:*", 0, ""),
        ("*", 0, nil), ("*:*", 0, nil), ("1:*,*", 0, nil), ("*:1", 0, ""), ("*", 1, "1"), ("1", 0, nil),
    ] as [(String, UInt32, String?)])
func resolvesSequenceNumbers(_ text: String, _ count: UInt32, _ expected: String?) throws {
    let resolved = try parse(text).resolved(count: count)
    var out: [UInt8] = []
    out.appendRanges(resolved ?? [])
    #expect((resolved == nil) == (expected == nil))
    #expect(String(decoding: out, as: UTF8.self) == expected ?? "")
}

@Test(
    arguments: [
        ("*", "a/b", .full), ("%", "a/b", .none), ("%", "a", .full), ("%/%", "a/b", .full),
        ("a*c", "a/b/c", .full),
        ("a%c", "a/c", .none), ("a%c", "abc", .full), ("a/%", "a", .below), ("%/c", "a", .below),
        ("a", "ab", .none),
        ("*b", "a", .below), ("", "", .full), ("", "a", .none), ("x]y~NIL", "x]y~NIL", .full),
        ("%%*%", "a/b", .full),
        ("foo", "foo/bar", .none), ("foo%", "foo/", .none), ("a/b", "a", .below),
    ] as [(String, String, ListPattern.Match)])
func matchesPattern(_ pattern: String, _ name: String, _ expected: ListPattern.Match) {
    #expect(ListPattern(bytes(pattern), separator: 0x2F).match(bytes(name)) == expected)
}

/// What RFC 9051 section 6.3.9 says, without a thought for speed.
private func simplyMatches(_ pattern: ArraySlice<UInt8>, _ name: ArraySlice<UInt8>) -> Bool {
    guard let first = pattern.first else { return name.isEmpty }
    switch first {
    case UInt8(ascii: "*"), UInt8(ascii: "%"):
        if simplyMatches(pattern.dropFirst(), name) { return true }
        guard let next = name.first, first == UInt8(ascii: "*") || next != 0x2F else { return false }
        return simplyMatches(pattern, name.dropFirst())
    default: return name.first == first && simplyMatches(pattern.dropFirst(), name.dropFirst())
    }
}

/// All patterns of up to five octets against all names of up to five.
@Test func patternsMatchAsASimpleMatcherSays() {
    func words(_ alphabet: String, _ length: Int) -> [[UInt8]] {
        var words: [[UInt8]] = [[]]
        var last = words
        for _ in 0..<length {
            last = last.flatMap { word in alphabet.utf8.map { word + [$0] } }
            words += last
        }
        return words
    }
    let names = words("a/", 5) + words("ab/", 3)
    for octets in words("a/%*", 5) + words("ab%", 3) {
        let pattern = ListPattern(octets, separator: 0x2F)
        for name in names where pattern.matches(name) != simplyMatches(octets[...], name[...]) {
            Issue.record("\(String(decoding: octets, as: UTF8.self)) and \(String(decoding: name, as: UTF8.self))")
        }
    }
}

@Test func patternsOfOtherCharsets() {
    #expect(WireMailboxName.pattern(bytes("\u{E9}%"), .modifiedUTF7) == bytes("&AOk-%"))
    #expect(WireMailboxName.pattern(bytes("e\u{301}*"), .utf8) == bytes("\u{E9}*"))
    #expect(WireMailboxName.pattern(bytes("&AOk-%"), .modifiedUTF7) == bytes("&AOk-%"))
    #expect(WireMailboxName.pattern([0xE9, 0x25], .modifiedUTF7) == [0xE9, 0x25])
}

// RFC 5255 section 3.2, RFC 4647 section 3.4.
@Test(
    arguments: [
        (["EN"], "en"), (["en-CA"], "en"), (["FR-CA", "EN-CA"], "en"), (["i-default"], "i-default"),
        (["I-Default"], "i-default"), (["default"], "i-default"), (["*"], "i-default"), (["mul"], nil),
        (["e"], nil), (["en-x-pirate"], "en"), ([], nil),
    ] as [([String], String?)])
func languagesAreLookedUp(_ ranges: [String], _ tag: String?) {
    #expect(ServerLanguage(ranges: ranges.map(bytes))?.tag.description == tag)
}

/// With more elements than fit into a word the states are kept in another way.
@Test(
    arguments: [
        (String(repeating: "a", count: 70), String(repeating: "a", count: 70), .full),
        (String(repeating: "a", count: 70), String(repeating: "a", count: 69), .none),
        (String(repeating: "a", count: 70), String(repeating: "a", count: 71), .none),
        (String(repeating: "a", count: 70) + "*", String(repeating: "a", count: 70), .full),
        (String(repeating: "a", count: 70) + "%", String(repeating: "a", count: 70) + "/b", .none),
        (String(repeating: "%/", count: 40) + "a", "a/b", .below),
        ("*" + String(repeating: "a", count: 70), "a", .below),
        (String(repeating: "*a", count: 40), String(repeating: "ba", count: 40), .full),
        (String(repeating: "%a", count: 40), String(repeating: "ba", count: 39) + "/a", .none),
    ] as [(String, String, ListPattern.Match)])
func matchesLongPattern(_ pattern: String, _ name: String, _ expected: ListPattern.Match) {
    #expect(ListPattern(bytes(pattern), separator: 0x2F).match(bytes(name)) == expected)
}

@Test func longPatternsOfManyNamesTakeLittle() {
    let pattern = ListPattern(bytes("*" + String(repeating: "a", count: 60_000)), separator: 0x2F)
    for _ in 0..<2000 { #expect(pattern.match([UInt8](repeating: 0x61, count: 40)) == .below) }
}

@Test func patternsTakeNoExponentialTime() {
    let pattern = ListPattern(bytes(String(repeating: "*a%a", count: 50) + "b"), separator: 0x2F)
    #expect(pattern.match([UInt8](repeating: 0x61, count: 1000)) == .below)
}

@Test func mailboxNamesDecode() {
    #expect(
        WireMailboxName(bytes("~peter/mail/&U,BTFw-/&ZeVnLIqe-")).text(.modifiedUTF7) == "~peter/mail/台北/日本語")
    #expect(WireMailboxName(bytes("a&b")).text(.modifiedUTF7) == nil)
    #expect(WireMailboxName(bytes("a&b")).text(.utf8) == "a&b")
    #expect(WireMailboxName(bytes("Entwürfe")).text(.modifiedUTF7) == "Entwürfe")
    #expect(WireMailboxName([0xFF]).text(.modifiedUTF7) == nil)
    #expect(WireMailboxName("Entwürfe", .modifiedUTF7).bytes == bytes("Entw&APw-rfe"))
}
