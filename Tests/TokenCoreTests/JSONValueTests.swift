import Testing

@testable import TokenCore

struct JSONValueTests {
    @Test(
        arguments: [
            ("null", .null), (" true\n", .boolean(true)), ("false", .boolean(false)), ("0", .number(0)),
            ("-0.5e+2", .number(-50)), ("1E-2", .number(0.01)), ("1300819380", .number(1_300_819_380)),
            ("\"\"", .string("")), (#""a\"\\\/\b\f\n\r\tz""#, .string("a\"\\/\u{8}\u{C}\n\r\tz")),
            (#""\u00e9\u20AC\ud83d\ude00\u0000""#, .string("é€😀\0")), ("\"é😀\"", .string("é😀")),
            ("[]", .array([])), ("[ 1 , [ ] ]", .array([.number(1), .array([])])), ("{}", .object([:])),
            (#"{ "a" : { "b" : null } , "" : [ ] }"#, .object(["a": .object(["b": .null]), "": .array([])])),
            // RFC 8259 section 13
            (#"{"Image":{"Width":800,"Animated":false,"IDs":[116,943]}}"#,
             .object([
                "Image": .object([
                    "Width": .number(800), "Animated": .boolean(false), "IDs": .array([.number(116), .number(943)]),
                ])
             ])),
        ] as [(String, JSONValue)])
    func reads(_ text: String, _ expected: JSONValue) throws {
        #expect(try JSONValue(Array(text.utf8)) == expected)
        // Cut anywhere it is another text, or none: never a trap.
        for end in 0..<text.utf8.count { _ = try? JSONValue(Array(text.utf8.prefix(end))) }
    }

    @Test(
        arguments: [
            "", " ", "nul", "nullx", "True", "01", "+1", ".5", "1.", "1e", "-", "1e999", "0x1", "NaN", "\"", "\"\n\"",
            #""\x""#, #""\u12""#, #""\u12g4""#, #""\ud800""#, #""\ud800x""#, #""\ud800\u0041""#, #""\udc00""#, "[", "[1", "[1,]",
            "[,1]", "[1 2]", "{", "{1:2}", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{"a":1 "b":2}"#, #"{"a":1,"a":2}"#,
            #"{"a":1,"\u0061":2}"#, "1 2", "[]]", "\u{FEFF}1", "'a'", "//\n1",
        ])
    func refuses(_ text: String) {
        #expect(throws: TokenError.self) { try JSONValue(Array(text.utf8)) }
    }

    @Test(arguments: [[0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22]] as [[UInt8]])
    func refusesWhatIsNoUTF8(_ text: [UInt8]) {
        #expect(throws: TokenError.self) { try JSONValue(text) }
    }

    @Test func depthIsBounded() throws {
        func nested(_ depth: Int) -> [UInt8] {
            Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
        }
        _ = try JSONValue(nested(JSONValue.maximumDepth))
        #expect(throws: TokenError("is JSON of too many levels")) { try JSONValue(nested(JSONValue.maximumDepth + 1)) }
        #expect(throws: TokenError.self) { try JSONValue([UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)) }
    }
}
