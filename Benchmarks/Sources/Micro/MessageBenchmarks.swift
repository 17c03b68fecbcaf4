import MIMECore

extension Micro {
    /// Messages taken apart: at delivery, and again from their caches.
    static let messages: [Benchmark] = [
        Benchmark(name: "mime-parts-4k") { TestMessage.small.withUnsafeBytes { PartTable($0).parts.count } },
        Benchmark(name: "mime-parts-64k") { TestMessage.large.withUnsafeBytes { PartTable($0).parts.count } },
        Benchmark(name: "mime-envelope") {
            var out: [UInt8] = []
            TestMessage.small.withUnsafeBytes { Envelope.append(Octets($0), to: &out) }
            return out.count
        },
        Benchmark(name: "mime-bodystructure") {
            var out: [UInt8] = []
            TestMessage.small.withUnsafeBytes {
                BodyStructure.append(Octets($0), PartTable($0), to: &out)
            }
            return out.count
        },
        Benchmark(name: "mime-cache-4k") { TestMessage.small.withUnsafeBytes { MessageCache.build(from: $0).count } },
        Benchmark(name: "mime-cache-64k") { TestMessage.large.withUnsafeBytes { MessageCache.build(from: $0).count } },
        Benchmark(name: "mime-cache-read") {
            TestMessage.cache.withUnsafeBytes { blob in
                guard let view = MessageCache.View(blob) else { return 0 }
                return (view.envelope?.count ?? 0) + (view.bodyStructure?.count ?? 0)
            }
        },
    ]

    /// What searches need of messages: made at delivery, and asked.
    static let searches: [Benchmark] = [
        Benchmark(name: "search-signature-4k") { Self.signature(TestMessage.small) },
        Benchmark(name: "search-signature-64k") { Self.signature(TestMessage.large) },
        Benchmark(name: "search-signature-html") { Self.signature(TestMessage.html) },
        Benchmark(name: "search-keys-build") {
            TestMessage.cache.withUnsafeBytes { blob in
                MessageCache.View(blob).map { HeaderKeys.build(from: $0).count } ?? 0
            }
        },
        Benchmark(name: "search-keys-subject") {
            TestMessage.keys.withUnsafeBytes { HeaderKeys.View($0)?.subjectContains(Self.needle) == true ? 1 : 0 }
        },
        Benchmark(name: "search-text-4k") {
            TestMessage.small.withUnsafeBytes { MessageText($0, PartTable($0)).textContains(Self.needle) ? 1 : 0 }
        },
    ]

    private static let needle = SearchNeedle("not in any message".utf8)

    private static func signature(_ message: [UInt8]) -> Int {
        message.withUnsafeBytes { TextSignature.build(from: $0, table: PartTable($0)).count }
    }
}
