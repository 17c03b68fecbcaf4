import AdminCommands
import ArgumentParser

/// `backup -A`: a file for each user, and what became of it as a row.
extension BackUpCommand {
    /// A user without a file among the earlier ones gets a whole backup.
    func backUpAll() async throws {
        if let since, !Directory.isThere(since) {
            throw AdminError(.notFound, "\(since): there is no such directory with earlier backups")
        }
        var names = UserNames()
        let listed = try await AdminRunner(self.global).run(["user", "*"], into: &names)
        guard listed == .success else { throw ExitCode(listed.rawValue) }
        try Directory.make(self.file)
        let earlier = Set(self.since.map(Directory.names) ?? [])
        var table = TerminalOutput(self.global.format)
        try await table.columns(["username", "file", "kind"])
        var worst = AdminExit.success
        for user in names.all {
            let name = Self.fileName(user)
            let file = "\(self.file)/\(name)"
            let since = self.since.flatMap { earlier.contains(name) ? "\($0)/\(name)" : nil }
            do {
                let exit = try await self.backUp(user, file, since: since)
                worst = max(worst, exit)
                try await table.row([user, file, since == nil ? "whole" : "increment"].map { Array($0.utf8) })
            } catch {
                worst = max(worst, error.exit)
                try await table.problem("\(user): \(error.message)")
            }
        }
        try table.finish()
        guard worst == .success else { throw ExitCode(worst.rawValue) }
    }

    /// The user's name, but for what would lead elsewhere, hide the file or make two the same.
    private static func fileName(_ user: String) -> String {
        var name = ""
        for (index, byte) in user.utf8.enumerated() {
            let isPlain = byte != UInt8(ascii: "/") && byte != UInt8(ascii: "%") && byte >= 0x20 && byte < 0x7F
            if isPlain, byte != UInt8(ascii: ".") || index > 0 {
                name.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                name += "%" + (byte < 0x10 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return name
    }
}

/// Takes the rows of `user *`.
private struct UserNames: AdminOutput {
    private(set) var all: [String] = []

    mutating func columns(_ names: [String]) async throws(AdminError) {}

    mutating func row(_ values: [[UInt8]]) async throws(AdminError) {
        if let name = values.first { self.all.append(String(decoding: name, as: UTF8.self)) }
    }

    mutating func problem(_ message: String) async throws(AdminError) { Terminal.complain(message) }

    mutating func progress(done: Int, total: Int) async throws(AdminError) {}
}
