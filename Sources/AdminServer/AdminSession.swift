import AdminCommands
import Logging
import ServerCore

/// One connection on the admin socket.
actor AdminSession {
    nonisolated let connection: Connection
    nonisolated var unownedExecutor: UnownedSerialExecutor { self.connection.executor.asUnownedSerialExecutor() }

    private let context: AdminContext
    private let logger: Logger

    init(_ connection: Connection, _ context: AdminContext, _ logger: Logger) {
        self.connection = connection
        self.context = context
        self.logger = logger
    }

    func run() async {
        self.connection.setDeadline(after: nil)
        do throws(ConnectionError) {
            self.connection.output.append(contentsOf: (AdminLine.hello + "\n").utf8)
            try await self.connection.flush()
            guard let greeting = try await self.readLine(), greeting == Array(AdminLine.greeting.utf8) else {
                self.end(.usage, "not a client of this version: update martlet and martletd together")
                try await self.connection.flush()
                return
            }
            guard let request = try await self.readLine() else { return }
            let words = AdminLine.decode(request).map { String(decoding: $0, as: UTF8.self) }
            var output = ConnectionOutput(connection: self.connection)
            do throws(AdminError) {
                let command = try AdminCommand(words: words)
                self.end(try await command.run(self.context, &output), "")
            } catch {
                self.end(error.exit, error.message)
            }
            try await self.connection.flush()
        } catch {
            self.logger.debug("admin connection ended: \(error.reason)")
        }
    }

    private func readLine() async throws(ConnectionError) -> [UInt8]? { try await Self.readLine(self.connection) }

    /// A line without its end; `nil` for one that is too long.
    static func readLine(_ connection: Connection) async throws(ConnectionError) -> [UInt8]? {
        var searched = 0
        while true {
            let line = connection.withInput { input -> [UInt8]? in
                var position = searched
                while position < input.count, input[position] != 0x0A { position += 1 }
                searched = position
                guard position < input.count else { return nil }
                return input.extracting(0..<position).withUnsafeBufferPointer { Array($0) }
            }
            if let line {
                connection.consume(line.count + 1)
                return line
            }
            guard connection.unread <= AdminLine.maximumRequest else { return nil }
            try await connection.readMore()
        }
    }

    private func end(_ exit: AdminExit, _ text: String) {
        AdminLine.encode(
            [[UInt8(ascii: "X")], Array(String(exit.rawValue).utf8), Array(text.utf8)],
            into: &self.connection.output)
    }
}

/// Writes results as lines, waiting while the client does not read.
struct ConnectionOutput: AdminOutput {
    let connection: Connection

    mutating func columns(_ names: [String]) async throws(AdminError) {
        try await self.line("H", names.map { Array($0.utf8) })
    }

    mutating func row(_ values: [[UInt8]]) async throws(AdminError) {
        try await self.line("R", values)
    }

    mutating func problem(_ message: String) async throws(AdminError) {
        try await self.line("E", [Array(message.utf8)])
    }

    mutating func progress(done: Int, total: Int) async throws(AdminError) {
        try await self.line("P", [Array(String(done).utf8), Array(String(total).utf8)])
    }

    mutating func input() async throws(AdminError) -> [UInt8]? {
        AdminLine.encode([[UInt8(ascii: "N")]], into: &self.connection.output)
        let line: [UInt8]?
        do throws(ConnectionError) {
            try await self.connection.flush()
            line = try await AdminSession.readLine(self.connection)
        } catch {
            throw AdminError(.temporary, error.reason)
        }
        guard let line else { throw AdminError(.usage, "a piece of input is too long") }
        let fields = AdminLine.decode(line)
        guard fields.count == 2, fields[0] == [UInt8(ascii: "D")] else {
            throw AdminError(.usage, "input was expected")
        }
        return fields[1].isEmpty ? nil : fields[1]
    }

    private func line(_ kind: String, _ fields: [[UInt8]]) async throws(AdminError) {
        AdminLine.encode([Array(kind.utf8)] + fields, into: &self.connection.output)
        do throws(ConnectionError) {
            try await self.connection.flushIfLarge()
        } catch {
            throw AdminError(.temporary, error.reason)
        }
    }
}
