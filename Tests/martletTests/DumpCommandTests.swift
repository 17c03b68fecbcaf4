import AdminCommands
import ArgumentParser
import Glibc
import TemporaryFiles
import Testing

@testable import martlet

@Suite struct DumpCommandTests {
    private static func exit(_ directory: String) async throws -> AdminExit? {
        let command = try DumpCommand.Log.parse([directory])
        let error = await #expect(throws: AdminError.self) { try await command.run() }
        return error?.exit
    }

    @Test func aLogThatIsNotThere() async throws {
        let directory = try TemporaryDirectory()
        #expect(try await Self.exit("\(directory.path)/none") == .notFound)
        #expect(try await Self.exit(directory.path) == .notFound)
    }

    @Test(.enabled(if: geteuid() != 0, "root may read everything"))
    func aLogThatIsClosed() async throws {
        let directory = try TemporaryDirectory()
        chmod(directory.path, 0)
        defer { chmod(directory.path, 0o700) }
        #expect(try await Self.exit(directory.path) == .noPermission)
    }
}
