import AdminCommands
import ArgumentParser
import TemporaryFiles
import Testing

@testable import martlet

@Suite struct CommandLineTests {
    @Test(arguments: [
        (["-f", "json", "mailbox", "list", "-A"], ["mailbox", "list", "-f", "json", "-A"]),
        (["-c", "x", "who"], ["who", "-c", "x"]), (["config", "-n"], ["config", "-n"]),
        (["help", "who"], ["help", "who"]),
        (["--version"], ["--version"]), ([], []), (["mailbox"], ["mailbox"]),
        (["user", "a", "-u"], ["user", "a", "-u"]),
    ])
    func optionsComeBehindTheWords(_ given: [String], _ ordered: [String]) throws {
        #expect(try Martlet.ordered(given) == ordered)
    }

    @Test(arguments: [
        (["altmove", "-u", "anna", "all"], "there is no command altmove; see martlet --help"),
        (["-f", "json", "mailbox", "purge"], "there is no command mailbox purge; see martlet mailbox --help"),
        (
            ["mailbox", "metadata", "dump"],
            "there is no command mailbox metadata dump; see martlet mailbox metadata --help"
        ),
        (["who", "-u", "a", "-u", "b"], "give -u once"),
    ])
    func refuses(_ words: [String], _ text: String) {
        let error = #expect(throws: AdminError.self) { _ = try Martlet.ordered(words) }
        #expect(error?.exit == .usage)
        #expect(error?.message.hasPrefix(text) == true, "\(error?.message ?? "")")
    }

    @Test(arguments: [["-u", "a", "-A"], ["-A", "-F", "FILE"], ["-u", "a", "-F", "FILE"], []])
    func usersAreNamedInOneWay(_ words: [String]) throws {
        let directory = try TemporaryDirectory()
        let file = "\(directory.path)/users"
        try TemporaryDirectory.write(Array("anna\n".utf8), to: file)
        let words = words.map { $0 == "FILE" ? file : $0 }
        let error = #expect(throws: (any Error).self) { _ = try UserOptions.parse(words) }
        let text = error.map { UserOptions.message(for: $0) } ?? ""
        #expect(text.contains(words.isEmpty ? "For which user?" : "only one of -u NAME, -A and -F FILE"), "\(text)")
    }

    @Test func usersOfAFile() throws {
        let directory = try TemporaryDirectory()
        let file = "\(directory.path)/users"
        try TemporaryDirectory.write(Array("anna\r\n\n  bert@example.org\t\nzoe".utf8), to: file)
        let options = try UserOptions.parse(["-F", file])
        #expect(options.words == ["-F", "anna\nbert@example.org\nzoe"])
        #expect(!options.isOne)
        #expect(throws: (any Error).self) { _ = try UserOptions.parse(["-F", file + ".none"]) }
    }
}
