import IMAPCore
import MIMECore
import MailCore
import MailStore
import ServerCore

extension Session {
    /// Writes an item of BINARY (RFC 3516 section 4.3): a string, or a `literal8` when the section holds NUL; NIL when
    /// the message has no such part.
    func writeBinary(
        _ message: FetchedMessage, _ item: FetchPlan.Item, _ response: inout FetchResponse
    ) async throws(ConnectionError) {
        guard case .binary(let binary) = item.item else {
            if case .binarySize(let path) = item.item {
                let size = UInt64(message.decoded(path)?.count ?? 0)
                response.binarySize(path, size, into: &self.connection.output)
            }
            return
        }
        guard let transcoding = message.decoded(binary.path) else {
            response.beginOctets(item.name, into: &self.connection.output)
            self.connection.output.append("NIL")
            return
        }
        let range = binary.partial.range(of: transcoding.count)
        var reader = await message.reader(transcoding, range, self.options.store.threads)
        response.beginOctets(item.name, into: &self.connection.output)
        if transcoding.containsNUL { self.connection.output.append(UInt8(ascii: "~")) }
        self.connection.output.appendLiteralHeader(UInt64(range.count))
        while message.octets.withUnsafeBytes({ reader.next($0, into: &self.connection.output) }) {
            try await self.connection.flushIfLarge()
        }
        self.statistics.bodyCount += 1
        self.statistics.bodyBytes += UInt64(range.count)
    }
}
