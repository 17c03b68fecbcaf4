import Testing

@testable import AdminCommands

@Suite struct SeveralNamesTests {
    /// Keeps what it is given.
    struct Recorder: AdminOutput {
        var problems: [String] = []
        var rows: [[String]] = []

        mutating func columns(_ names: [String]) async throws(AdminError) {}
        mutating func row(_ values: [[UInt8]]) async throws(AdminError) {
            self.rows.append(values.map { String(decoding: $0, as: UTF8.self) })
        }
        mutating func problem(_ message: String) async throws(AdminError) { self.problems.append(message) }
        mutating func progress(done: Int, total: Int) async throws(AdminError) {}
    }

    struct Case: Sendable {
        var failures: [String: AdminExit]
        var exit: AdminExit?
        /// In order; the last one is told by whoever catches the error.
        var told: [String]
    }

    @Test(arguments: [
        Case(failures: [:], exit: nil, told: []),
        Case(failures: ["b": .exists], exit: .exists, told: ["b"]),
        Case(failures: ["a": .usage, "c": .notFound], exit: .usage, told: ["a", "c"]),
        Case(failures: ["a": .notFound, "b": .temporary, "c": .usage], exit: .temporary, told: ["a", "b", "c"]),
    ])
    func othersGoOn(_ sample: Case) async {
        var output = Recorder()
        var seen: [String] = []
        var caught: AdminError?
        do throws(AdminError) {
            try await MailboxCommands.each(["a", "b", "c"], &output) { name throws(AdminError) in
                seen.append(name)
                if let exit = sample.failures[name] { throw AdminError(exit, name) }
            }
        } catch {
            caught = error
        }
        #expect(seen == ["a", "b", "c"])
        #expect(caught?.exit == sample.exit)
        #expect(output.problems + (caught.map { [$0.message] } ?? []) == sample.told)
    }

    @Test func problemsOfOneAmongSeveralUsersNameThem() async throws {
        var column = UserColumn(output: Recorder(), user: "anna")
        try await column.problem("no")
        column.user = nil
        try await column.problem("no")
        #expect(column.output.problems == ["anna: no", "no"])
    }
}
