import MIMECore
import MailStore
import SieveCore

extension DeliveryAgent {
    /// Octets of a message that are copied at once.
    private static let piece = 256 << 10

    /// The messages that scripts have made, as they are stored and sent. Each action may have one of its own, so large
    /// ones are not held in memory.
    func composed(
        _ edits: [SieveEditedMessage], _ original: MessageOctets
    ) async throws(StoreError) -> [IncomingMessage] {
        let bodyStart = original.withUnsafeBytes { bytes in
            var scanner = HeaderScanner(Octets(bytes))
            while scanner.next() != nil {}
            return min(scanner.bodyStart, bytes.count)
        }
        var messages: [IncomingMessage] = []
        for edit in edits {
            var spool = self.store.makeSpool()
            spool.convertsLineEnds = false
            edit.header.withUnsafeBytes { spool.take($0) }
            try await spool.drain()
            var position = edit.body == nil ? bodyStart : 0
            let end = edit.body?.count ?? original.count
            while position < end {
                let next = min(end, position + Self.piece)
                if let body = edit.body {
                    body.withUnsafeBytes { spool.take(UnsafeRawBufferPointer(rebasing: $0[position..<next])) }
                } else {
                    original.withUnsafeBytes { spool.take(UnsafeRawBufferPointer(rebasing: $0[position..<next])) }
                }
                position = next
                try await spool.drain()
            }
            messages.append(try await spool.finish())
        }
        return messages
    }
}
