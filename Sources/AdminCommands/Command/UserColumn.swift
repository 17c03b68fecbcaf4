/// Puts a user's name before each row and problem, for commands that run for several users.
struct UserColumn<Output: AdminOutput>: AdminOutput {
    var output: Output
    /// `nil` for a command for one user, whose rows stay as they are.
    var user: String?

    mutating func columns(_ names: [String]) async throws(AdminError) { try await self.output.columns(names) }

    mutating func row(_ values: [[UInt8]]) async throws(AdminError) {
        guard let user else { return try await self.output.row(values) }
        try await self.output.row([Array(user.utf8)] + values)
    }

    mutating func problem(_ message: String) async throws(AdminError) {
        try await self.output.problem(self.user.map { "\($0): \(message)" } ?? message)
    }

    mutating func input() async throws(AdminError) -> [UInt8]? { try await self.output.input() }

    mutating func progress(done: Int, total: Int) async throws(AdminError) {
        // Within a user's mailboxes: with several users those are what counts.
        if self.user == nil { try await self.output.progress(done: done, total: total) }
    }
}
