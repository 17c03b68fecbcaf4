import IMAPCore
import MailStore

/// A message of APPEND that is coming in, piece by piece. Belongs to its session.
final class MessageAssembly {
    let message: AppendMessage
    private var spool: MessageSpool?
    /// Octets held in memory before they go to a file.
    private(set) var memoryLimit: Int

    init(_ message: AppendMessage, _ spool: consuming MessageSpool) {
        self.message = message
        spool.convertsLineEnds = !message.isBinary
        self.memoryLimit = spool.memoryLimit
        self.spool = consume spool
    }

    /// Whether it consists of parts (RFC 4469).
    var isCatenated: Bool { self.message.catenated != nil }

    /// Octets so far, line ends made whole.
    var count: UInt64 { UInt64(self.spool?.count ?? 0) }

    /// Octets in memory.
    var held: Int { self.spool?.held ?? 0 }

    /// Whether it has outgrown memory.
    var isInFile: Bool { self.count > UInt64(self.held) }

    func lowerMemory(to limit: Int) {
        self.memoryLimit = min(self.memoryLimit, limit)
        self.spool?.memoryLimit = self.memoryLimit
    }

    func take(_ octets: UnsafeRawBufferPointer) { self.spool?.take(octets) }

    /// Writes to the file what is too much for memory.
    func drain() async throws(StoreError) { try await self.spool?.drain() }

    /// The whole message; once.
    func finish() async throws(StoreError) -> IncomingMessage {
        guard let spool = self.spool.take() else { throw StoreError(.temporary, "message finished twice") }
        return try await spool.finish()
    }
}
