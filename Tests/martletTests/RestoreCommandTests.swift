import AdminCommands
import ArchiveCore
import ArgumentParser
import TemporaryFiles
import Testing

@testable import martlet

@Suite struct RestoreCommandTests {
    /// Writes an empty backup of that number, an increment where there is a base.
    private static func write(_ path: String, _ number: UInt64, _ base: UInt64?) throws {
        var writer = BackupWriter()
        var out: [UInt8] = []
        writer.append(
            .begin(
                BackupHead(
                    id: BackupID(high: 0, low: number), base: base.map { BackupID(high: 0, low: $0) }, account: "gast",
                    created: 0, writer: "")), to: &out)
        writer.append(.messages, to: &out)
        writer.appendEnd(to: &out)
        try TemporaryDirectory.write(out, to: path)
    }

    @Test(arguments: [["-u", "gast"], ["--check"]])
    func aChainWithAGapIsRefused(_ options: [String]) async throws {
        let directory = try TemporaryDirectory()
        let paths = [0, 2].map { "\(directory.path)/a\($0)" }
        try Self.write(paths[0], 0, nil)
        try Self.write(paths[1], 2, 1)
        // No configuration is there: it is refused before one is looked for.
        let command = try RestoreMailCommand.parse(options + ["-c", "\(directory.path)/none.conf"] + paths)
        let error = await #expect(throws: AdminError.self) { try await command.run() }
        #expect(error?.exit == .data)
        #expect(error?.message.contains("is missing") == true, "\(error?.message ?? "")")
    }

    @Test func oneIncrementMayBeExamined() async throws {
        let directory = try TemporaryDirectory()
        try Self.write("\(directory.path)/a1", 1, 0)
        let command = try RestoreMailCommand.parse(["--check", "\(directory.path)/a1"])
        try await command.run()
    }

    @Test func incrementsOfADirectoryThatIsNotThere() async throws {
        let directory = try TemporaryDirectory()
        let command = try BackUpCommand.parse(
            ["-A", "-c", "\(directory.path)/none.conf", "--since", "\(directory.path)/none", "\(directory.path)/all"])
        let error = await #expect(throws: AdminError.self) { try await command.run() }
        #expect(error?.exit == .notFound)
    }
}
