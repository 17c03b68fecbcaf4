import Glibc
import LMDB
import VolumeLog

extension Micro {
    /// The volume's log: sixteen messages of 4 KiB in one commit, without its flush, and reading them back.
    static let logs: [Benchmark] = [
        Benchmark(name: "log-commit-16x4k", batch: 16) {
            guard let log = Self.log else { return 0 }
            var batch = RecordBatch()
            for _ in 0..<16 { _ = batch.append(kind: 1, Self.record) }
            return (try? log.commit(&batch, durability: .written)) == nil ? 0 : 1
        },
        Benchmark(name: "log-replay-256x4k", batch: 1) {
            guard let log = Self.filledLog else { return 0 }
            var octets = 0
            _ = try? log.replay { record in
                octets += record.payload.count
                return .next
            }
            return octets
        },
    ]

    /// The index: rows of messages written and read as the store does.
    static let indexes: [Benchmark] = [
        Benchmark(name: "index-put-64-rows", batch: 16) {
            guard let index = Self.index else { return 0 }
            return
                (try? index.environment.write { (transaction) throws(LMDBError) in
                    for _ in 0..<64 {
                        let number = Self.next()
                        try transaction.put(index.rows, Self.key(number), Self.row)
                    }
                    return 64
                }) ?? 0
        },
        Benchmark(name: "index-walk-10000-rows", batch: 1) {
            guard let index = Self.filled else { return 0 }
            return
                (try? index.environment.read { (transaction) throws(LMDBError) in
                    let cursor = try transaction.cursor(index.rows)
                    var count = 0
                    var entry = try cursor.first()
                    while let found = entry, count < 10_000 {
                        count += found.value.count > 0 ? 1 : 0
                        entry = try cursor.next()
                    }
                    return count
                }) ?? 0
        },
    ]

    private struct Index: Sendable {
        var environment: Environment
        var rows: Database
    }

    private static let record = [UInt8](repeating: 0x61, count: 4096)
    private static let row = [UInt8](repeating: 0x62, count: 90)
    private static let directory: String? = {
        var template = Array("/tmp/martlet-micro.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { return nil }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }()

    private static let log = directory.flatMap { try? VolumeLog.open(directory: $0 + "/log") }
    private static let filledLog: VolumeLog? = {
        guard let directory, let log = try? VolumeLog.open(directory: directory + "/filledlog") else { return nil }
        var batch = RecordBatch()
        for _ in 0..<256 { _ = batch.append(kind: 1, Self.record) }
        _ = try? log.commit(&batch, durability: .written)
        return log
    }()

    private static let index = open("index", rows: 0)
    private static let filled = open("filled", rows: 10_000)

    private static func open(_ name: String, rows count: Int) -> Index? {
        guard let directory else { return nil }
        var options = Environment.Options()
        options.durability = .noSync
        guard let environment = try? Environment(path: directory + "/" + name, options: options),
            let rows = try? environment.database("rows")
        else { return nil }
        try? environment.write { (transaction) throws(LMDBError) in
            for number in 0..<count { try transaction.put(rows, Self.key(UInt64(number)), Self.row) }
        }
        return Index(environment: environment, rows: rows)
    }

    nonisolated(unsafe) private static var last: UInt64 = 0

    /// Each thread has its own programs: there is but one here.
    private static func next() -> UInt64 {
        self.last += 1
        return self.last
    }

    private static func key(_ number: UInt64) -> [UInt8] {
        (0..<12).map { UInt8(truncatingIfNeeded: $0 < 4 ? 0 : number >> UInt64((11 - $0) * 8)) }
    }

    /// Takes away what the benchmarks have written.
    static func clean() {
        guard let directory else { return }
        for name in ["index", "filled", "log", "filledlog"] {
            let path = directory + "/" + name
            guard let entries = opendir(path) else { continue }
            while let entry = readdir(entries) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                if name != ".", name != ".." { unlink(path + "/" + name) }
            }
            closedir(entries)
            rmdir(path)
        }
        rmdir(directory)
    }
}
