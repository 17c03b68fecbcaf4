import Glibc
import LMDB
import TemporaryFiles
import Testing

@Suite struct EnvironmentTests {
    private func open(
        _ directory: TemporaryDirectory, _ change: (inout Environment.Options) -> Void = { _ in }
    )
        throws -> Environment
    {
        var options = Environment.Options()
        options.mapSize = 1 << 30
        options.durability = .noSync
        change(&options)
        return try Environment(path: directory.path + "/index", options: options)
    }

    @Test func valuesComeBack() throws {
        let directory = try TemporaryDirectory()
        do {
            let environment = try self.open(directory) { $0.durability = .noMetaSync }
            let (a, b) = (try environment.database("a"), try environment.database("b"))
            #expect(try environment.database("a") == a)
            try environment.write { (transaction) throws(LMDBError) in
                try transaction.put(a, [1], [10, 11])
                try transaction.put(a, [2], [])
                try transaction.put(a, [3], [30])
                try transaction.put(b, [1], [7, 8, 9])
                #expect(try transaction.delete(a, [3]))
                #expect(try transaction.delete(a, [3]) == false)
                #expect(try transaction.get(b, [1]).map { Array($0) } == [7, 8, 9])
            }
            try environment.sync()
        }
        let environment = try self.open(directory)
        #expect(environment.missingBytes == 0)
        let (a, b) = (try environment.database("a"), try environment.database("b", creating: false))
        let values = try environment.read { (transaction) throws(LMDBError) in
            [
                try transaction.get(a, [1]).map { Array($0) }, try transaction.get(a, [2]).map { Array($0) },
                try transaction.get(a, [3]).map { Array($0) }, try transaction.get(b, [1]).map { Array($0) },
            ]
        }
        #expect(values == [[10, 11], [], nil, [7, 8, 9]])
        let error = #expect(throws: LMDBError.self) { try environment.database("c", creating: false) }
        #expect(error?.code == .badDatabase)
        let usage = try environment.usage()
        #expect(usage.mapSize == 1 << 30 && usage.usedSize > 0 && usage.pageSize >= 4_096)
        try environment.write { (transaction) throws(LMDBError) in try transaction.deleteAll(a) }
        #expect(try environment.read { (transaction) throws(LMDBError) in try transaction.count(a) } == 0)
    }

    @Test func errorsUndoTheTransaction() throws {
        let directory = try TemporaryDirectory()
        let environment = try self.open(directory)
        let database = try environment.database("a")
        let empty = #expect(throws: LMDBError.self) {
            try environment.write { (transaction) throws(LMDBError) in
                try transaction.put(database, [2], [2])
                try transaction.put(database, [], [2])
            }
        }
        #expect(empty?.code == .badValueSize)
        let long = #expect(throws: LMDBError.self) {
            try environment.write { (transaction) throws(LMDBError) in
                try transaction.put(database, [UInt8](repeating: 1, count: 512), [2])
            }
        }
        #expect(long?.code == .badValueSize)
        let none = #expect(throws: LMDBError.self) {
            try environment.read { (transaction) throws(LMDBError) in _ = try transaction.get(database, []) }
        }
        #expect(none?.code == .badValueSize)
        let count = try environment.read { (transaction) throws(LMDBError) in try transaction.count(database) }
        #expect(count == 0)
    }

    @Test func readersSeeASnapshot() throws {
        let directory = try TemporaryDirectory()
        let environment = try self.open(directory)
        let database = try environment.database("a")
        try environment.write { (transaction) throws(LMDBError) in try transaction.put(database, [1], [1]) }
        for round in 2..<100 as Range<UInt8> {
            try environment.write { (transaction) throws(LMDBError) in
                try transaction.put(database, [1], [round])
            }
            // A pooled reader, renewed, sees the newest state.
            let seen = try environment.read { (transaction) throws(LMDBError) in
                try transaction.get(database, [1]).map { Array($0) }
            }
            #expect(seen == [round])
        }
        #expect(try environment.usage().readers == 1)
    }

    @Test func tooManyReaders() throws {
        let directory = try TemporaryDirectory()
        let environment = try self.open(directory) { $0.maximumReaders = 2 }
        let error = #expect(throws: LMDBError.self) { try self.nest(environment, 10_000) }
        #expect(error?.code == .readersFull)
        try environment.read { (_) throws(LMDBError) in }
    }

    private func nest(_ environment: Environment, _ depth: Int) throws(LMDBError) {
        guard depth > 0 else { return }
        try environment.read { (_) throws(LMDBError) in try self.nest(environment, depth - 1) }
    }

    @Test func mapGrowsUnderReadersAndWriters() async throws {
        let directory = try TemporaryDirectory()
        let environment = try self.open(directory) { $0.mapSize = 1 << 20 }
        let database = try environment.database("a")
        let value = [UInt8](repeating: 5, count: 2_000)
        // One transaction larger than the map; it runs again until it fits.
        try environment.write { (transaction) throws(LMDBError) in
            for key in 0..<2_000 as Range<UInt16> {
                try transaction.put(database, [0, UInt8(key >> 8), UInt8(key & 0xFF)], value)
            }
        }
        #expect(try environment.usage().mapSize >= 4 << 20)
        await withTaskGroup(of: Bool.self) { group in
            for task in 1...3 as ClosedRange<UInt8> {
                group.addTask {
                    for key in 0..<2_000 as Range<UInt16> {
                        let done: Void? = try? environment.write { (transaction) throws(LMDBError) in
                            // Even a body that hides the error runs again.
                            _ = try? transaction.put(database, [task, UInt8(key >> 8), UInt8(key & 0xFF)], value)
                        }
                        if done == nil { return false }
                    }
                    return true
                }
                group.addTask {
                    for round in 0..<20_000 as Range<Int> {
                        let found = try? environment.read { (transaction) throws(LMDBError) in
                            try transaction.get(database, [0, UInt8(round % 7), UInt8(round & 0xFF)])?.last
                        }
                        if found != 5 { return false }
                    }
                    return true
                }
            }
            for await success in group { #expect(success) }
        }
        let count = try environment.read { (transaction) throws(LMDBError) in try transaction.count(database) }
        #expect(count == 8_000)
        #expect(try environment.usage().mapSize >= 16 << 20)
    }

    @Test func mapStopsAtItsLimit() throws {
        let directory = try TemporaryDirectory()
        let environment = try self.open(directory) {
            $0.mapSize = 1 << 20
            $0.maximumMapSize = 3 << 20
        }
        let database = try environment.database("a")
        let error = #expect(throws: LMDBError.self) {
            try environment.write { (transaction) throws(LMDBError) in
                for key in 0..<255 as Range<UInt8> {
                    try transaction.put(database, [key], [UInt8](repeating: key, count: 100_000))
                }
            }
        }
        #expect(error?.code == .mapFull)
        #expect(try environment.usage().mapSize == 3 << 20)
        try environment.write { (transaction) throws(LMDBError) in try transaction.put(database, [1], [1]) }
    }

    // MARK: Damaged files

    private func makeFile(_ directory: TemporaryDirectory) throws -> [UInt8] {
        do {
            let environment = try self.open(directory)
            let database = try environment.database("a")
            try environment.write { (transaction) throws(LMDBError) in
                for key in 0..<5_000 as Range<UInt16> {
                    try transaction.put(
                        database, [UInt8(key >> 8), UInt8(key & 0xFF)], [UInt8](repeating: 1, count: 100))
                }
            }
        }
        return try TemporaryDirectory.contents(directory.path + "/index/data.mdb")
    }

    @Test func notADatabase() throws {
        let directory = try TemporaryDirectory()
        let file = try self.makeFile(directory)
        let path = directory.path + "/index/data.mdb"
        try TemporaryDirectory.write([UInt8](repeating: 0x55, count: file.count), to: path)
        let garbage = #expect(throws: LMDBError.self) { try self.open(directory) }
        #expect(garbage?.code == .invalid)
        // The version stands behind the magic number in both meta pages.
        var newer = file
        for page in [0, 4_096] { newer[page + 20] = 99 }
        try TemporaryDirectory.write(newer, to: path)
        let version = #expect(throws: LMDBError.self) { try self.open(directory) }
        #expect(version?.code == .versionMismatch)
        try TemporaryDirectory.write(Array(file[..<100]), to: path)
        #expect(throws: LMDBError.self) { try self.open(directory) }
        let missing = #expect(throws: LMDBError.self) { try Environment(path: directory.path + "/nowhere/index") }
        #expect(missing?.code == .fileNotFound)
    }

    @Test(arguments: [2, 3, 20, 60, 120])
    func truncatedFileIsNoTrap(_ pages: Int) throws {
        let directory = try TemporaryDirectory()
        let file = try self.makeFile(directory)
        try #require(file.count > pages * 4_096)
        try TemporaryDirectory.write(Array(file[..<(pages * 4_096)]), to: directory.path + "/index/data.mdb")
        let environment = try self.open(directory)
        #expect(environment.missingBytes > 0)
        let error = #expect(throws: LMDBError.self) {
            let database = try environment.database("a", creating: false)
            try environment.read { (transaction) throws(LMDBError) in
                let cursor = try transaction.cursor(database)
                while let entry = try cursor.next() { #expect(entry.value.count == 100) }
            }
        }
        #expect(error?.code == .corrupted || error?.code == .badDatabase)
    }
}
