import AdminCommands
import Glibc
import TemporaryFiles
import Testing

@testable import martlet

@Suite struct FileWriterTests {
    @Test func aFileIsThereWhenItIsWhole() throws {
        try TemporaryDirectory.with { directory in
            let file = try FileWriter("\(directory)/a")
            try file.write([1, 2])
            #expect(TemporaryDirectory.names(directory) == ["a.part-\(getpid())"])
            try file.finish()
            #expect(TemporaryDirectory.names(directory) == ["a"])
            #expect(try TemporaryDirectory.contents("\(directory)/a") == [1, 2])
            #expect(OpenFiles.count(in: directory) == 0)
            #expect(throws: AdminError.self) { try file.write([3]) }
        }
    }

    @Test func whatIsNotFinishedGoes() throws {
        try TemporaryDirectory.with { directory in
            let export = try ExportDirectory(directory)
            for isAside in [false, true] {
                let file = try export.file("a")
                try file.write([1])
                if isAside { try file.setAside() }
            }
            #expect(TemporaryDirectory.names(directory) == [])
        }
    }

    @Test func oneThatIsSetAsideGoesOn() throws {
        try TemporaryDirectory.with { directory in
            let export = try ExportDirectory(directory)
            try export.make("x/y")
            let file = try export.file("x/y/a")
            try file.write([1])
            #expect(OpenFiles.count(in: directory) == 3)
            try file.setAside()
            #expect(OpenFiles.count(in: directory) == 1)
            try file.write([2])
            try file.setAside()
            try file.finish()
            try export.flush()
            #expect(OpenFiles.count(in: directory) <= 1)
            #expect(TemporaryDirectory.names("\(directory)/x/y") == ["a"])
            #expect(try TemporaryDirectory.contents("\(directory)/x/y/a") == [1, 2])
        }
    }

    /// The directory may be that of a user, who must not make root write into another file.
    @Test func nothingElseIsWrittenTo() throws {
        try TemporaryDirectory.with { directory in
            let temporary = "\(directory)/a.part-\(getpid())"
            try TemporaryDirectory.write([9], to: "\(directory)/other")
            let export = try ExportDirectory(directory)
            let file = try export.file("a")
            try file.setAside()
            #expect(unlink(temporary) == 0)
            #expect(link("\(directory)/other", temporary) == 0)
            #expect(throws: AdminError.self) { try file.write([1]) }
            #expect(unlink(temporary) == 0)
            #expect(symlink("\(directory)/other", temporary) == 0)
            #expect(throws: AdminError.self) { try file.write([1]) }
            #expect(try TemporaryDirectory.contents("\(directory)/other") == [9])
        }
    }
}
