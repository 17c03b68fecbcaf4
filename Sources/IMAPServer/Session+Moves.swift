import IMAPCore
import MailStore
import ServerCore

/// Accounts that move to another format or volume while they are in use (`martlet account move`).
///
/// Of that a client sees a broken connection and nothing else. What it knows of messages and mailboxes stays true, so it
/// must not hear of EXPUNGE or of mailboxes that do not exist, and the server says BYE before its next look.
extension Session {
    /// Whether the user's account, or that of the selected mailbox, is not to be used through this session any more.
    private var hasMoved: Bool {
        (self.account?.isRetired ?? false) || (self.selected?.mailbox.isRetired ?? false)
    }

    /// Says goodbye where that is so; then the session ends. What was done is answered first, so that nobody does it twice.
    func endIfMoved() -> Bool {
        guard self.hasMoved else { return false }
        if self.endReason == nil, !self.machine.isLoggedOut {
            self.end(.unavailable, "The account is being moved, please connect again")
        }
        return true
    }
}
