/// Where a command's results go: rows under named columns, errors that do not end it, progress.
///
/// One command calls it from one task, in order. Each call may suspend until the reader keeps up.
public protocol AdminOutput {
    /// The columns of the rows to come; before the first row, at most once.
    mutating func columns(_ names: [String]) async throws(AdminError)

    /// One value a column. Octets, since a field may be a whole message.
    mutating func row(_ values: [[UInt8]]) async throws(AdminError)

    /// Something went wrong with one part; the command goes on.
    mutating func problem(_ message: String) async throws(AdminError)

    /// `done` of `total` parts are finished.
    mutating func progress(done: Int, total: Int) async throws(AdminError)

    /// The next octets of what the command is given, at most some hundred KiB; `nil` at its end.
    mutating func input() async throws(AdminError) -> [UInt8]?
}

extension AdminOutput {
    public mutating func input() async throws(AdminError) -> [UInt8]? {
        throw AdminError(.usage, "this command is given nothing")
    }
}

extension AdminOutput {
    /// A row of texts.
    mutating func row(_ values: [String]) async throws(AdminError) {
        try await self.row(values.map { Array($0.utf8) })
    }
}
