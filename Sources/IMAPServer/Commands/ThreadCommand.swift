import IMAPCore
import MailCore
import MailSearch
import MailStore
import ServerCore

extension Session {
    /// THREAD (RFC 5256).
    func thread(_ tag: Tag, _ command: ThreadCommand) async throws(ConnectionError) {
        self.beginProgress(tag, stages: 2)
        guard let found = try await self.find(tag, command.search) else { return }
        self.beginStage(of: found.places.count)
        let numbering = command.search.numbering
        let expunges = ExpungeTelling(command.search)
        let threads: MessageThreads
        do throws(StoreError) {
            threads = try await found.search.threads(found.places, by: command.algorithm) {
                self.goesOn(after: $0)
            }
            try self.checkGoesOn()
        } catch {
            return try await self.refuse(tag, error, expunges)
        }
        // From here on a line is open.
        self.endProgress()
        self.write { $0.bytes.append(threads.roots.isEmpty ? "* THREAD" : "* THREAD ") }
        for root in threads.roots {
            threads.append(root, to: &self.connection.output) { found.number(found.places[$0], numbering) }
            try await self.connection.flushIfLarge()
        }
        self.write { $0.endLine() }
        try await self.finish(tag, nil, "Thread completed", expunges)
    }
}
