import TemporaryFiles
import Testing

@testable import LMDB

@Suite struct ResidentPagesTests {
    /// What was looked at is let go, and still there.
    @Test func pagesAreLetGo() throws {
        let directory = try TemporaryDirectory()
        var options = Environment.Options()
        options.mapSize = 1 << 30
        options.durability = .noSync
        let environment = try Environment(path: directory.path + "/index", options: options)
        let database = try environment.database("a")
        let value = [UInt8](repeating: 7, count: 3000)
        let keys = (0..<12_000).map { number in withUnsafeBytes(of: UInt32(number).bigEndian) { Array($0) } }
        try environment.write { (transaction) throws(LMDBError) in
            for key in keys { try transaction.put(database, key, value) }
        }
        func readAll(telling: Bool) throws {
            try environment.read { (transaction) throws(LMDBError) in
                for key in keys {
                    let found = try transaction.get(database, key)
                    #expect(found?.count == 3000 && found?.first == 7)
                }
                if telling { environment.look(at: keys.count * value.count) }
            }
        }
        try readAll(telling: false)
        let before = ResidentPages.count()
        try readAll(telling: true)
        // Other tests run at the same time and map little; these are 36 MB.
        #expect(before == 0 || ResidentPages.count() < before - 20_000_000)
        try readAll(telling: false)
    }

    @Test func dueOnceForMany() {
        let pages = ResidentPages()
        #expect(!pages.look(at: ResidentPages.limit))
        #expect(pages.look(at: 1))
        #expect(!pages.look(at: 1))
    }
}
