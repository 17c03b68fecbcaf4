import IMAPCore

extension Micro {
    /// IMAP: commands read, responses written.
    static let commands: [Benchmark] = [
        Benchmark(name: "imap-parse-fetch") {
            Self.parse(
                "a12 UID FETCH 1:2000 (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Subject Date)])\r\n")
        },
        Benchmark(name: "imap-parse-noop") { Self.parse("a13 NOOP\r\n") },
        Benchmark(name: "imap-parse-search") {
            Self.parse(
                "a14 UID SEARCH RETURN (ALL) OR SUBJECT invoice FROM anna SINCE 1-Jan-2026 UNSEEN 1:500,700:*\r\n")
        },
        Benchmark(name: "imap-parse-store") { Self.parse("a15 UID STORE 1,5,9:20 +FLAGS.SILENT (\\Seen $Junk)\r\n") },
        Benchmark(name: "imap-encode-search-1000") {
            var encoder = ResponseEncoder()
            encoder.search(Self.numbers)
            return encoder.bytes.count
        },
    ]

    private static let numbers = (0..<1000).map { UInt32($0 * 7919 % 100_000 + 1) }

    private static func parse(_ line: StaticString) -> Int {
        line.withUTF8Buffer { line in
            var parser = CommandParser()
            var consumed = 0
            if case .command = parser.next(line.span, consumed: &consumed) { return consumed }
            return 0
        }
    }
}
