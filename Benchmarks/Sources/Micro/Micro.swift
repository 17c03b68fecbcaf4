import Glibc

/// Micro-benchmarks of the pure targets, of the log and of the index: CPU time of one thread for each operation. The
/// flushes of the disk are not in it.
///
///     swift run -c release --package-path Benchmarks Micro [BEGINNING OF A NAME...]
@main
struct Micro {
    struct Benchmark: Sendable {
        var name: String
        /// Runs between two looks at the clock.
        var batch = 64
        /// Runs the operation once; answers a number that depends on its result, so that it is not optimized away.
        var run: @Sendable () -> Int
    }

    static func main() {
        let wanted = CommandLine.arguments.dropFirst()
        print("benchmark                        CPU ns/op        ops")
        for benchmark in Self.all where wanted.isEmpty || wanted.contains(where: { benchmark.name.hasPrefix($0) }) {
            Self.measure(benchmark)
        }
        Self.clean()
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
                for _ in 0..<benchmark.batch { sink &+= benchmark.run() }
                count += benchmark.batch
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

    static let all =
        Self.messages + Self.searches + Self.commands + Self.sieve + Self.logs + Self.indexes
}
