import AdminCommands
import ArgumentParser
import TemporaryFiles
import Testing

@testable import martlet

@Suite struct ExportCommandTests {
    /// No configuration is there: without the refusal the command ends for want of one.
    @Test(arguments: [
        (["-t", "maildir"], AdminExit.exists), (["-t", "mbox"], .exists), (["-t", "maildir", "--add"], .configuration),
    ])
    func whatIsThereIsNotTouched(_ options: [String], _ exit: AdminExit) async throws {
        let directory = try TemporaryDirectory()
        try TemporaryDirectory.write([], to: "\(directory.path)/INBOX.mbox")
        let command = try ExportCommand.parse(
            ["-u", "gast", "-c", "\(directory.path)/none.conf"] + options + [directory.path])
        let error = await #expect(throws: AdminError.self) { try await command.run() }
        #expect(error?.exit == exit, "\(error?.message ?? "")")
        #expect(TemporaryDirectory.names(directory.path) == ["INBOX.mbox"])
    }

    @Test func anEmptyDirectoryWillDo() async throws {
        let directory = try TemporaryDirectory()
        let command = try ExportCommand.parse(["-u", "gast", "-c", "\(directory.path)/none.conf", directory.path])
        let error = await #expect(throws: AdminError.self) { try await command.run() }
        #expect(error?.exit == .configuration)
    }
}
