import IMAPCore
import MIMECore
import MailCore
import MailStore

extension Session {
    /// Octets that are copied at once.
    private static let catenatedSlice = 64 * 1024

    /// Appends what URLs lead to (RFC 4469 section 3), without marking anything \\Seen.
    func catenate(_ urls: [[UInt8]], to assembly: MessageAssembly) async -> Refusal? {
        var owners = URLOwners()
        for text in urls {
            do throws(StoreError) {
                guard let content = try await self.content(of: text, &owners) else {
                    return (.badURL(text), "URL leads to no message")
                }
                let limit = self.settings.maximumMessageSize
                guard limit == 0 || assembly.count + UInt64(content.count) <= limit else {
                    return (.tooBig, "Message is too large")
                }
                var start = 0
                while start < content.count {
                    let end = min(content.count, start + Self.catenatedSlice)
                    content.withUnsafeBytes { assembly.take(UnsafeRawBufferPointer(rebasing: $0[start..<end])) }
                    start = end
                    try await assembly.drain()
                    await Task.yield()
                }
            } catch {
                self.logFault(error)
                return error.response
            }
        }
        return nil
    }
}
