import AdminCommands
import ArchiveCore
import Glibc
import TemporaryFiles
import Testing

@testable import martlet

/// Files that commands read, of which there may be more than descriptors.
@Suite struct SourceFileTests {
    @Test func whatIsNotThereIsToldAtOnce() throws {
        try TemporaryDirectory.with { directory in
            #expect(throws: AdminError.self) { _ = try SourceFile("\(directory)/none") }
            try TemporaryDirectory.write([1, 2, 3], to: "\(directory)/some")
            #expect(try SourceFile("\(directory)/some").size == 3)
            // Opened, it would wait for somebody who writes.
            #expect(mkfifo("\(directory)/pipe", 0o600) == 0)
            #expect(try SourceFile("\(directory)/pipe").size == nil)
            #expect(OpenFiles.count(in: directory) == 0)
        }
    }

    @Test func backupsAreOpenedInTurn() async throws {
        let temporary = try TemporaryDirectory()
        defer { withExtendedLifetime(temporary) {} }
        let directory = temporary.path
        var files: [SourceFile] = []
        for number in UInt8(10)...30 {
            try TemporaryDirectory.write([number, number], to: "\(directory)/\(number)")
            files.append(try SourceFile("\(directory)/\(number)"))
        }
        var output = RestoreOutput(TerminalOutput(nil), files, [1, 2])
        var octets: [UInt8] = []
        var most = 0
        while let piece = try await output.input() {
            octets += piece
            most = max(most, OpenFiles.count(in: directory))
        }
        #expect(octets == [1, 2] + (UInt8(10)...30).flatMap { [$0, $0] })
        #expect(most == 1)
        #expect(OpenFiles.count(in: directory) == 0)
    }

    @Test func mboxFilesAreOpenedInTurn() throws {
        try TemporaryDirectory.with { directory in
            for number in 10..<40 {
                let text = "From a@example.org Sat Nov 21 14:03:07 2026\nSubject: \(number)\n\nText.\n"
                try TemporaryDirectory.write(Array(text.utf8), to: "\(directory)/Box\(number).mbox")
            }
            let sources = try MailFolders.sources(directory, .mbox, .rd)
            #expect(sources.count == 30)
            #expect(OpenFiles.count(in: directory) == 0)
            let stream = ImportStream(sources, [])
            var reader = BackupReader()
            while let piece = try stream.next() {
                reader.append(piece)
                #expect(OpenFiles.count(in: directory) <= 1)
            }
            var messages = 0
            while let item = try reader.next() { if case .message = item { messages += 1 } }
            #expect(messages == 30)
            #expect(stream.done == stream.total)
            withExtendedLifetime(stream) { #expect(OpenFiles.count(in: directory) == 0) }
        }
    }
}
