import Glibc
import TemporaryFiles
import Testing

@testable import Authentication

struct WatchedFileTests {
    /// Looks at `path`, two seconds after the last look.
    private struct Watch {
        var file = WatchedFile<String>()
        var reads = 0
        private var now = Ticks(milliseconds: 0)

        mutating func look(_ path: String) {
            self.now = self.now + 2000
            var reads = self.reads
            self.file.look(path, maximumSize: 8, now: self.now) {
                reads += 1
                return String(decoding: $0, as: UTF8.self)
            }
            self.reads = reads
        }
    }

    @Test func readsWhatChanged() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/file"
        var watch = Watch()
        try writeFile(path, "one")
        watch.look(path)
        watch.look(path)
        #expect(watch.file.contents == "one")
        #expect(watch.reads == 1)
        // Another file of the same size.
        try writeFile(path + "2", "two")
        #expect(rename(path + "2", path) == 0)
        watch.look(path)
        #expect(watch.file.contents == "two")
        // Of the same size and time, in place.
        var status = stat()
        #expect(stat(path, &status) == 0)
        try writeFile(path, "six")
        var times = [status.st_atim, status.st_mtim]
        #expect(utimensat(AT_FDCWD, path, &times, 0) == 0)
        watch.look(path)
        #expect(watch.file.contents == "six")
        #expect(watch.reads == 3)
    }

    @Test func looksOnceASecond() throws {
        let directory = try TemporaryDirectory()
        var file = WatchedFile<Int>()
        try writeFile(directory.path + "/file", "1")
        for now in [0, 999, 1000] {
            try writeFile(directory.path + "/file", String(repeating: "x", count: now / 500))
            file.look(directory.path + "/file", maximumSize: 100, now: Ticks(milliseconds: Int64(now))) { $0.count }
            #expect(file.contents == (now < 1000 ? 0 : 2))
        }
    }

    @Test func refusesWhatIsNoFile() throws {
        let directory = try TemporaryDirectory()
        var watch = Watch()
        try writeFile(directory.path + "/long", "123456789")
        #expect(mkfifo(directory.path + "/fifo", 0o600) == 0)
        for name in ["", "/long", "/fifo", "/none"] {
            try writeFile(directory.path + "/good", "good")
            watch.look(directory.path + "/good")
            #expect(watch.file.contents == "good")
            watch.look(directory.path + name)
            #expect(watch.file.contents == nil)
            #expect(watch.file.problem == (name == "/none" ? "No such file or directory" : "is no regular file, or too long"))
        }
    }
}
