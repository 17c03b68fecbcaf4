import MIMECore
import MailStore

/// How much of a FETCH could be answered.
struct FetchOutcome {
    var hasExpunged = false
    /// The first failure that is not about messages that are gone.
    var failure: StoreError?
    /// Why sections of BINARY could not be decoded; an unknown encoding weighs more.
    var undecoded: Transcoding.Failure?
    /// Messages since other sessions of the loop had their turn.
    var sinceTurn = 0

    mutating func add(_ error: StoreError) {
        if error.code == .expunged { self.hasExpunged = true } else { self.failure = self.failure ?? error }
    }
}
