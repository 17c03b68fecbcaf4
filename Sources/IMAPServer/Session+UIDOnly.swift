import IMAPCore
import MailCore
import ServerCore

extension Session {
    /// ENABLE UIDONLY (RFC 9586): from now on no sequence number is taken or told.
    func useUIDsOnly() {
        guard !self.usesUIDsOnly else { return }
        self.usesUIDsOnly = true
        self.selected?.tellsUIDsOnly = true
        // Their updates would be sequence numbers.
        for update in self.searchUpdates.list where update.numbering == .sequenceNumber {
            self.write { $0.untagged(.no, .noUpdate(update.tag), "Its result is in sequence numbers") }
        }
        self.searchUpdates.list.removeAll { $0.numbering == .sequenceNumber }
        if self.searchUpdates.list.isEmpty { self.searchUpdates = SearchUpdates() }
    }
}
