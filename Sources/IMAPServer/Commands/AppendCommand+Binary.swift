import IMAPCore
import MIMECore
import MailCore
import MailStore

extension Session {
    /// What analysis of an appended `literal8` says.
    private enum BinaryForm: Sendable {
        /// The octets can stay.
        case text
        /// Line ends have to become CRLF.
        case lines
        /// Parts have to be encoded.
        case encoded(Transcoding)
    }

    /// A message from a `literal8`, stored so that BODY and BODYSTRUCTURE show nothing that only BINARY can (RFC 3516
    /// section 6): parts with octets that text cannot hold are stored in base64. BINARY gives them back as they came.
    func asText(
        _ message: IncomingMessage, memoryLimit: Int
    ) async throws(StoreError) -> IncomingMessage {
        let octets = message.octets
        let form = try await self.options.store.threads.run { () throws(StoreError) -> BinaryForm in
            octets.withUnsafeBytes { bytes in
                if let transcoding = Transcoding.storable(bytes, PartTable(bytes)) {
                    return .encoded(transcoding)
                }
                var previous: UInt8 = 0
                for byte in bytes {
                    if byte == 0x0A, previous != 0x0D { return .lines }
                    previous = byte
                }
                return .text
            }
        }
        let transcoding: Transcoding
        switch form {
        case .text: return message
        case .lines: transcoding = octets.withUnsafeBytes { Transcoding(copying: $0) }
        case .encoded(let encoded): transcoding = encoded
        }
        var reader = transcoding.reader()
        var spool = self.options.store.makeSpool()
        spool.memoryLimit = memoryLimit
        var run: [UInt8] = []
        while octets.withUnsafeBytes({ reader.next($0, into: &run) }) {
            try await spool.append(run)
            run.removeAll(keepingCapacity: true)
            await Task.yield()
        }
        return try await spool.finish()
    }
}
