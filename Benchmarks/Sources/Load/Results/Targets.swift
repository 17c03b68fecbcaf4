/// What Martlet is to reach.
struct Target: Sendable {
    enum Measure: Sendable {
        /// CPU of the server for each operation: so many times less than Dovecot's in the same run.
        case cpu
        /// Wall time, the same.
        case wall
        /// Memory, the same.
        case memory
        /// At most so many milliseconds.
        case p50
        case p99
        /// At most so many KiB.
        case kibibytes
    }

    var name: String
    var measure: Measure
    var pack: Double
    var maildir: Double

    static let all: [Target] = [
        Target(name: "login/plain/c8", measure: .cpu, pack: 6, maildir: 6),
        Target(name: "login/tls/c8", measure: .cpu, pack: 3, maildir: 3),
        Target(name: "lmtp/4k/100/c32", measure: .wall, pack: 8, maildir: 5),
        Target(name: "lmtp/4k/one/c1", measure: .wall, pack: 3, maildir: 2),
        Target(name: "lmtp/4k/100/c32", measure: .cpu, pack: 15, maildir: 6),
        Target(name: "lmtp/64k/100/c32", measure: .cpu, pack: 15, maildir: 6),
        Target(name: "append/4k/c8", measure: .cpu, pack: 5, maildir: 3),
        Target(name: "append/multi50-4k/c1", measure: .cpu, pack: 5, maildir: 3),
        Target(name: "idle/latency", measure: .p50, pack: 3, maildir: 3),
        Target(name: "idle/latency", measure: .p99, pack: 15, maildir: 15),
        Target(name: "idle/memory-plain", measure: .kibibytes, pack: 10, maildir: 10),
        Target(name: "idle/memory-tls", measure: .kibibytes, pack: 32, maildir: 32),
        Target(name: "pop3/retr-4k/again", measure: .cpu, pack: 3, maildir: 2),
        Target(name: "mixed/c50", measure: .wall, pack: 4, maildir: 3),
        Target(name: "mixed/c50", measure: .p99, pack: 15, maildir: 20),
        Target(name: "sync/select/cold", measure: .cpu, pack: 10, maildir: 10),
        Target(name: "sync/select/warm", measure: .cpu, pack: 2, maildir: 10),
        Target(name: "sync/fetch-flags", measure: .cpu, pack: 2, maildir: 2),
        Target(name: "sync/fetch-envelope/first", measure: .cpu, pack: 5, maildir: 5),
        Target(name: "sync/fetch-envelope/again", measure: .cpu, pack: 5, maildir: 5),
        Target(name: "sync/fetch-headers/first", measure: .cpu, pack: 3, maildir: 3),
        Target(name: "sync/fetch-headers/again", measure: .cpu, pack: 3, maildir: 3),
        Target(name: "sync/fetch-body/bulk", measure: .cpu, pack: 3, maildir: 2),
        Target(name: "sync/fetch-body/single", measure: .cpu, pack: 3, maildir: 2),
        Target(name: "sync/resync10", measure: .cpu, pack: 10, maildir: 10),
        Target(name: "sync/memory", measure: .memory, pack: 4, maildir: 4),
        Target(name: "search/subject/again", measure: .cpu, pack: 10, maildir: 10),
        Target(name: "search/from/again", measure: .cpu, pack: 10, maildir: 10),
        Target(name: "search/since/again", measure: .cpu, pack: 10, maildir: 10),
        Target(name: "search/unseen/again", measure: .cpu, pack: 10, maildir: 10),
        Target(name: "search/text/again", measure: .cpu, pack: 50, maildir: 50),
        Target(name: "search/body/again", measure: .cpu, pack: 50, maildir: 50),
        Target(name: "sort/reverse-date/first", measure: .cpu, pack: 4, maildir: 4),
        Target(name: "sort/reverse-date/again", measure: .cpu, pack: 4, maildir: 4),
        Target(name: "sort/subject/first", measure: .cpu, pack: 4, maildir: 4),
        Target(name: "sort/subject/again", measure: .cpu, pack: 4, maildir: 4),
        Target(name: "sort/thread-references/first", measure: .cpu, pack: 4, maildir: 4),
        Target(name: "sort/thread-references/again", measure: .cpu, pack: 4, maildir: 4),
        Target(name: "change/store-all", measure: .cpu, pack: 1, maildir: 1),
        Target(name: "change/store-single", measure: .cpu, pack: 2, maildir: 2),
        Target(name: "change/copy", measure: .cpu, pack: 5, maildir: 2),
        Target(name: "change/move", measure: .cpu, pack: 5, maildir: 2),
        Target(name: "change/expunge", measure: .cpu, pack: 5, maildir: 2),
    ]

    /// What a server of ours has reached; `nil` when it was not measured.
    func reached(_ results: Results, _ server: TestServer.Kind) -> Double? {
        switch self.measure {
        case .cpu: results.ratio(self.name, server) { $0.cpuPerOperation }
        case .wall: results.ratio(self.name, server) { $0.secondsPerOperation }
        case .memory: results.ratio(self.name, server) { $0.memory }
        case .p50: results.line(self.name, server)?.median { $0.p50 }.map { $0 * 1000 }
        case .p99: results.line(self.name, server)?.median { $0.p99 }.map { $0 * 1000 }
        case .kibibytes: results.line(self.name, server)?.median { $0.memory }.map { $0 / 1024 }
        }
    }

    func isMet(_ value: Double, _ server: TestServer.Kind) -> Bool {
        let wanted = server == .pack ? self.pack : self.maildir
        switch self.measure {
        case .cpu, .wall, .memory: return value >= wanted
        case .p50, .p99, .kibibytes: return value <= wanted
        }
    }

    var unit: String {
        switch self.measure {
        case .cpu: "x less CPU"
        case .wall: "x less time"
        case .memory: "x less memory"
        case .p50: "ms p50"
        case .p99: "ms p99"
        case .kibibytes: "KiB each"
        }
    }
}
