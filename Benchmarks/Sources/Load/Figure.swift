/// What one server did in one workload.
struct Figure: Sendable {
    var name: String
    var operations: Int
    /// Wall seconds for all operations.
    var seconds: Double
    /// CPU seconds of all processes of the server.
    var cpu: Double
    /// Seconds that half of the operations, and 99 in 100, took at most.
    var p50: Double?
    var p99: Double?
    /// Octets of memory: per connection for connections that wait, else of the whole server.
    var memory: Double?

    var cpuPerOperation: Double { self.cpu / Double(max(1, self.operations)) }
    var secondsPerOperation: Double { self.seconds / Double(max(1, self.operations)) }
}

/// How much is done.
struct Scale: Sendable {
    /// Seconds of each workload that has no end of its own.
    var seconds: Double
    /// Messages in the mailbox that is searched and listed.
    var messages: Int
    /// Connections that wait.
    var connections: Int

    static let proof = Scale(seconds: 0.2, messages: 600, connections: 20)
    static let small = Scale(seconds: 2, messages: 10_000, connections: 200)
    static let full = Scale(seconds: 4, messages: 100_000, connections: 2000)
}

/// Collects the figures of a workload on a server.
final class Recorder {
    let server: TestServer
    let scale: Scale
    private(set) var figures: [Figure] = []

    init(_ server: TestServer, _ scale: Scale) {
        self.server = server
        self.scale = scale
    }

    /// Measures something that is done once, which answers how many operations it was.
    func once(_ name: String, _ body: () throws -> Int) throws {
        try self.measure(name) {
            let start = nanoseconds()
            return (try body(), Double(nanoseconds() - start) / 1e9, [])
        }
    }

    /// Measures something that is done again and again, at least three times; it answers how many operations it was.
    func again(_ name: String, _ body: () throws -> Int) throws {
        try self.measure(name) {
            let start = nanoseconds()
            var operations = 0
            var latencies: [UInt64] = []
            repeat {
                let before = nanoseconds()
                operations += try body()
                latencies.append(nanoseconds() - before)
            } while latencies.count < 3 || Double(nanoseconds() - start) / 1e9 < self.scale.seconds / 2
            return (operations, Double(nanoseconds() - start) / 1e9, latencies)
        }
    }

    /// Measures what `count` threads do at a time; see `Workers.measure`.
    func parallel(
        _ name: String, _ count: Int, _ make: @escaping @Sendable (Int) throws -> ((Int) throws -> Void)
    ) throws {
        try self.measure(name) {
            let done = try Workers.measure(count, seconds: self.scale.seconds, make)
            return (done.latencies.count, Double(done.elapsed) / 1e9, done.latencies)
        }
    }

    func add(_ figure: Figure) { self.figures.append(figure) }

    private func measure(
        _ name: String, _ body: () throws -> (operations: Int, seconds: Double, latencies: [UInt64])
    ) throws {
        let tree = self.server.tree
        let before = tree.cpuSeconds()
        let done: (operations: Int, seconds: Double, latencies: [UInt64])
        do { done = try body() } catch { throw LoadError("\(name): \(error)") }
        // A proof is about the answers.
        if self.scale.seconds >= 1 { tree.settle() }
        var figure = Figure(
            name: name, operations: done.operations, seconds: done.seconds, cpu: tree.cpuSeconds() - before)
        if done.latencies.count > 3 {
            figure.p50 = done.latencies.quantile(0.5)
            figure.p99 = done.latencies.quantile(0.99)
        }
        self.figures.append(figure)
    }
}

extension [UInt64] {
    /// In seconds, of nanoseconds.
    func quantile(_ part: Double) -> Double {
        guard !self.isEmpty else { return 0 }
        let place = Swift.min(self.count - 1, Int(Double(self.count) * part))
        return Double(self.sorted()[place]) / 1e9
    }
}
