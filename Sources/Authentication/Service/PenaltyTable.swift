import MailCore
/// Makes addresses wait that fail to log in: 2, 4, 8, then 15 seconds before the next request is looked at.
///
/// An hour without a failure, or a success, clears an address. IPv6 addresses count by their /48. A repeated
/// wrong password (a mail program with an old one) counts once. Requests without an address never wait.
struct PenaltyTable {
    private struct Record {
        var level: Int
        var failed: Ticks
        /// Hashes of the last wrong user and password pairs, seeded per process.
        var tried: [Int]
    }

    private static let delays = [0, 2000, 4000, 8000, 15000]
    private static let memory = 3_600_000
    private static let capacity = 10_000
    private static let rememberedTries = 10

    private var records: [[UInt8]: Record] = [:]

    /// Milliseconds that a new request from `address` has to wait.
    func delay(_ address: String?, now: Ticks) -> Int {
        guard let key = Self.key(address), let record = self.records[key],
            now < record.failed + Self.memory
        else { return 0 }
        return Self.delays[record.level]
    }

    mutating func failed(_ address: String?, user: String, password: [UInt8], now: Ticks) {
        guard let key = Self.key(address) else { return }
        var hasher = Hasher()
        hasher.combine(user)
        hasher.combine(password)
        let attempt = hasher.finalize()
        var record = self.records[key] ?? Record(level: 0, failed: now, tried: [])
        if now >= record.failed + Self.memory { record = Record(level: 0, failed: now, tried: []) }
        guard !record.tried.contains(attempt) else { return }
        record.failed = now
        record.level = min(record.level + 1, Self.delays.count - 1)
        record.tried.append(attempt)
        if record.tried.count > Self.rememberedTries { record.tried.removeFirst() }
        if self.records.count >= Self.capacity, self.records[key] == nil { self.makeRoom(now) }
        self.records[key] = record
    }

    mutating func succeeded(_ address: String?) {
        guard !self.records.isEmpty, let key = Self.key(address) else { return }
        self.records[key] = nil
    }

    private mutating func makeRoom(_ now: Ticks) {
        self.records = self.records.filter { now < $0.value.failed + Self.memory }
        guard self.records.count >= Self.capacity else { return }
        // The older half goes: cheaper per entry than looking for the oldest each time.
        let times = self.records.values.map(\.failed).sorted()
        let median = times[times.count / 2]
        self.records = self.records.filter { median < $0.value.failed }
    }

    /// What stands for an address: itself, or the /48 of IPv6.
    static func key(_ address: String?) -> [UInt8]? {
        guard let address, let bytes = IPNetwork(address)?.address else { return nil }
        return bytes.count == 16 ? Array(bytes[..<6]) : bytes
    }
}
