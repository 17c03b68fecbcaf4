import LMDB
import TemporaryFiles
import Testing

@Suite struct CursorTests {
    /// A database with these keys; each value is the key's length.
    private func make(_ directory: TemporaryDirectory, _ keys: [[UInt8]]) throws -> (Environment, Database) {
        var options = Environment.Options()
        options.mapSize = 1 << 26
        options.durability = .noSync
        let environment = try Environment(path: directory.path, options: options)
        let database = try environment.database("keys")
        try environment.write { (transaction) throws(LMDBError) in
            for key in keys { try transaction.put(database, key, [UInt8(key.count)]) }
        }
        return (environment, database)
    }

    private static let keys: [[UInt8]] = [
        [1], [1, 0], [1, 0, 5], [1, 1], [1, 255], [1, 255, 255], [2], [2, 9], [255, 255], [255, 255, 3],
    ]

    @Test func walksBothWays() throws {
        let directory = try TemporaryDirectory()
        let (environment, database) = try self.make(directory, CursorTests.keys.shuffled())
        try environment.read { (transaction) throws(LMDBError) in
            let cursor = try transaction.cursor(database)
            var seen: [[UInt8]] = []
            while let entry = try cursor.next() {
                #expect(entry.value.first == UInt8(entry.key.count))
                seen.append(Array(entry.key))
            }
            #expect(seen == CursorTests.keys)
            seen = []
            var entry = try cursor.last()
            while let found = entry {
                seen.append(Array(found.key))
                entry = try cursor.previous()
            }
            #expect(seen == CursorTests.keys.reversed())
            #expect(try cursor.first().map { Array($0.key) } == [1])
        }
    }

    @Test(arguments: [
        [], [0], [1], [1, 0, 0], [1, 0, 9], [1, 255, 255, 0], [2, 9], [3], [255, 255, 3], [255, 255, 255],
    ])
    func seeks(_ key: [UInt8]) throws {
        let directory = try TemporaryDirectory()
        let (environment, database) = try self.make(directory, CursorTests.keys)
        try environment.read { (transaction) throws(LMDBError) in
            let cursor = try transaction.cursor(database)
            let above = CursorTests.keys.first { !$0.lexicographicallyPrecedes(key) }
            #expect(try cursor.seek(key).map { Array($0.key) } == above)
        }
    }

    @Test(arguments: [
        [], [0], [1], [1, 0], [1, 255], [1, 255, 255], [1, 255, 255, 255], [2], [254], [255], [255, 255],
    ])
    func prefixes(_ prefix: [UInt8]) throws {
        let directory = try TemporaryDirectory()
        let (environment, database) = try self.make(directory, CursorTests.keys)
        let matching = CursorTests.keys.filter { $0.starts(with: prefix) }
        try environment.read { (transaction) throws(LMDBError) in
            let cursor = try transaction.cursor(database)
            #expect(try cursor.last(withPrefix: prefix).map { Array($0.key) } == matching.last)
        }
        let deleted = try environment.write { (transaction) throws(LMDBError) in
            try transaction.delete(database, prefix: prefix)
        }
        #expect(deleted == matching.count)
        try environment.read { (transaction) throws(LMDBError) in
            let cursor = try transaction.cursor(database)
            var rest: [[UInt8]] = []
            while let entry = try cursor.next() { rest.append(Array(entry.key)) }
            #expect(rest == CursorTests.keys.filter { !$0.starts(with: prefix) })
        }
    }

    @Test func deletesInBoundedSteps() throws {
        let directory = try TemporaryDirectory()
        let keys = (0..<1_000).map { [UInt8($0 / 250), UInt8($0 % 250), 1] }
        let (environment, database) = try self.make(directory, keys)
        var counts: [Int] = []
        while counts.last ?? 100 == 100 {
            counts.append(
                try environment.write { (transaction) throws(LMDBError) in
                    try transaction.delete(database, prefix: [2], limit: 100)
                })
        }
        #expect(counts == [100, 100, 50])
        let left = try environment.read { (transaction) throws(LMDBError) in try transaction.count(database) }
        #expect(left == 750)
    }

    @Test func emptyDatabase() throws {
        let directory = try TemporaryDirectory()
        let (environment, database) = try self.make(directory, [])
        try environment.read { (transaction) throws(LMDBError) in
            let cursor = try transaction.cursor(database)
            #expect(try cursor.first() == nil)
            #expect(try cursor.seek([1]) == nil)
            #expect(try cursor.last(withPrefix: [255]) == nil)
        }
    }

    @Test func getsWhatIsThereInAnyOrder() throws {
        let directory = try TemporaryDirectory()
        let keys = (0..<2000).map { [UInt8($0 / 256), UInt8($0 % 256)] }
        let (environment, database) = try self.make(directory, keys.filter { $0[1] % 3 != 0 })
        try environment.read { (transaction) throws(LMDBError) in
            let cursor = try transaction.cursor(database)
            for key in keys + keys.reversed() + keys.shuffled() + [[], [0], [255], [0, 1, 0]] {
                let isThere = key.count == 2 && key[0] != 255 && key[1] % 3 != 0
                #expect(try cursor.getNext(key)?.first == (isThere ? 2 : nil))
                #expect(try cursor.get(key)?.first == (isThere ? 2 : nil))
            }
        }
    }
}
