import Testing

@testable import IMAPCore

/// The response code INPROGRESS (RFC 9585 section 5).
@Suite struct ProgressCodeTests {
    @Test(
        arguments: [
            (nil, nil, "NIL NIL"), (175, nil, "175 NIL"), (175, 1000, "175 1000"), (0, 1, "0 1"),
            (nil, 1000, "NIL NIL"),
            // The total must be more than what is done.
            (1000, 1000, "1000 NIL"), (0, 0, "0 NIL"), (UInt32.max - 1, UInt32.max, "4294967294 4294967295"),
        ] as [(UInt32?, UInt32?, String)])
    func isWritten(_ done: UInt32?, _ total: UInt32?, _ expected: String) throws {
        let tag = try #require(Tag(Array("A001".utf8)))
        var encoder = ResponseEncoder()
        encoder.untagged(.ok, .inProgress(tag, done: done, total: total), "Still working")
        let line = String(decoding: encoder.bytes, as: UTF8.self)
        #expect(line == "* OK [INPROGRESS (\"A001\" \(expected))] Still working\r\n")
    }
}
