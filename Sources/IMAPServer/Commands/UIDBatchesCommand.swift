import IMAPCore
import MailCore
import MailStore
import ServerCore

extension Session {
    /// UIDBATCHES (RFC 10022): counted from the end of the client's view, each batch reaches down to where the next one
    /// begins, the last one to UID 1.
    func uidBatches(_ tag: Tag, _ command: UIDBatchesCommand) async throws(ConnectionError) {
        guard let view = self.selected?.view else { return self.bad(tag, "No mailbox selected") }
        if let wanted = command.wanted, wanted.first > wanted.last {
            return self.bad(tag, .clientBug, "Expected the lower number of a batch first")
        }
        // A client may always ask for as many as one command can be about.
        let minimum = min(self.settings.minimumBatchSize, self.settings.messageLimit ?? .max)
        guard command.size >= minimum else {
            return try await self.refuse(tag, .tooFew, "Batches of so few messages are not told")
        }
        let size = Int(command.size)
        var batches: [ClosedRange<UID>] = []
        var number = command.wanted.map { Int($0.first) - 1 } ?? 0
        let end = command.wanted.map { Int($0.last) } ?? .max
        while number < end, let batch = view.batch(number, of: size) {
            batches.append(batch)
            number += 1
            if batches.count % 4096 == 0 { await Task.yield() }
        }
        self.write { $0.uidBatches(tag, batches) }
        try await self.finish(tag, "Batches told")
    }
}

extension MailboxSnapshot {
    /// The UIDs of a batch, counted from 0 and from the highest UID; `nil` behind the last.
    fileprivate func batch(_ number: Int, of size: Int) -> ClosedRange<UID>? {
        let (before, overflow) = number.multipliedReportingOverflow(by: size)
        guard !overflow, before < self.count else { return nil }
        let end = self.count - before
        let high =
            before == 0 ? self[end - 1].uid : UID(rawValue: self[end].uid.rawValue - 1) ?? self[end - 1].uid
        let low = end > size ? self[end - size].uid : UID.first
        return low <= high ? low...high : nil
    }
}
