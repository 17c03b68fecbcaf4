import IMAPCore
import ServerCore

extension Session {
    /// COMPRESS (RFC 4978): everything after the tagged OK is compressed, both ways.
    func compress(_ tag: Tag) async throws(ConnectionError) {
        guard !self.connection.isCompressed else {
            return try await self.refuse(tag, .compressionActive, "DEFLATE is active already")
        }
        try await self.finish(tag, "DEFLATE active")
        self.connection.startCompression(level: self.settings.compressionLevel)
    }
}
