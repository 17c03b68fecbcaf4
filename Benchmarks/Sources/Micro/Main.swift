import Glibc
import IMAPCore
import MIMECore

/// Micro-benchmarks of the pure targets: CPU time of one thread for each operation.
///
///     swift run -c release --package-path Benchmarks Micro [NAME...]
@main
struct Micro {
    struct Benchmark: Sendable {
        var name: String
        /// Runs the operation once; answers a number that depends on its result, so that it is not optimized away.
        var run: @Sendable () -> Int
    }

    static func main() {
        let wanted = CommandLine.arguments.dropFirst()
        print("benchmark                        CPU ns/op        ops")
        for benchmark in Self.all where wanted.isEmpty || wanted.contains(benchmark.name) {
            Self.measure(benchmark)
        }
    }

    /// The best of five rounds of at least 0.2 s each.
    static func measure(_ benchmark: Benchmark) {
        var best = Double.infinity
        var operations = 0
        var sink = 0
        for _ in 0..<5 {
            var count = 0
            let start = Self.cpuNanoseconds()
            var elapsed: Int64 = 0
            while elapsed < 200_000_000 {
                for _ in 0..<64 { sink &+= benchmark.run() }
                count += 64
                elapsed = Self.cpuNanoseconds() - start
            }
            best = min(best, Double(elapsed) / Double(count))
            operations += count
        }
        let name = benchmark.name + String(repeating: " ", count: max(1, 32 - benchmark.name.count))
        print("\(name) \(Int64(best.rounded()))        \(operations)\(sink == .min ? "!" : "")")
    }

    static func cpuNanoseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    static let all: [Benchmark] = [
        Benchmark(name: "mime-cache-4k") { Self.message.withUnsafeBytes { MessageCache.build(from: $0).count } },
        Benchmark(name: "mime-cache-64k") { Self.large.withUnsafeBytes { MessageCache.build(from: $0).count } },
        Benchmark(name: "mime-cache-read") {
            Self.cache.withUnsafeBytes { blob in
                guard let view = MessageCache.View(blob) else { return 0 }
                return (view.envelope?.count ?? 0) + (view.bodyStructure?.count ?? 0)
            }
        },
        Benchmark(name: "imap-parse-fetch") { Self.parse(Self.fetch) },
        Benchmark(name: "imap-parse-noop") { Self.parse(Self.noop) },
    ]

    static let fetch = Array(
        "a12 UID FETCH 1:2000 (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Subject Date)])\r\n".utf8)
    static let noop = Array("a13 NOOP\r\n".utf8)

    static func parse(_ line: [UInt8]) -> Int {
        var parser = CommandParser()
        var consumed = 0
        if case .command = parser.next(line.span, consumed: &consumed) { return consumed }
        return 0
    }

    static let message = makeMessage(lines: 45)
    static let large = makeMessage(lines: 900)
    static let cache = message.withUnsafeBytes { MessageCache.build(from: $0) }

    /// A multipart message with `lines` lines of text in its first part.
    static func makeMessage(lines: Int) -> [UInt8] {
        let text = String(repeating: "The quick brown fox jumps over the lazy dog, again and again.\r\n", count: lines)
        return Array(
            """
            Return-Path: <sender@example.org>\r
            Received: from mail.example.org ([192.0.2.1]) by mx.example.com with ESMTPS id 4XyZ12; Sat, 21 Nov 2026 \
            10:00:00 +0000\r
            From: =?utf-8?Q?Zo=C3=AB?= <zoe@example.org>\r
            To: Anna <anna@example.com>, "Team, all" <team@example.com>\r
            Subject: Re: =?utf-8?B?R3LDvMOfZQ==?= and more of the same\r
            Date: Sat, 21 Nov 2026 11:00:00 +0100\r
            Message-ID: <4711.0815@example.org>\r
            References: <1@example.org> <2@example.org>\r
            MIME-Version: 1.0\r
            Content-Type: multipart/alternative; boundary="b1"\r
            \r
            --b1\r
            Content-Type: text/plain; charset=utf-8\r
            \r
            \(text)\r
            --b1\r
            Content-Type: text/html; charset=utf-8\r
            \r
            <p>short</p>\r
            --b1--\r

            """.utf8)
    }
}
