import IMAPCore
import MailStore

extension StoreError {
    /// What a client is told: never the detail, which may name paths.
    var response: (code: ResponseCode, text: StaticString) {
        switch self.code {
        case .notFound: (.nonExistent, "Mailbox does not exist")
        case .alreadyExists: (.alreadyExists, "Mailbox already exists")
        case .noPermission: (.noPermission, "Permission denied")
        case .cannot: (.cannot, "This cannot be done with that mailbox")
        case .expunged: (.expungeIssued, "Messages have been expunged")
        case .overQuota: (.overQuota, "Quota exceeded")
        case .tooBig: (.tooBig, "Message is too large")
        case .limit: (.limit, "A limit of the server is reached")
        case .inUse: (.inUse, "Mailbox is in use, try again later")
        case .diskFull: (.unavailable, "The server is out of disk space, try again later")
        case .temporary: (.unavailable, "The server has a temporary problem, try again later")
        case .damaged: (.corruption, "The mailbox is damaged, the administrator has been informed")
        }
    }

    /// What a client is told when messages could not be read: a mailbox that is there has no lack of room or of a name.
    /// The right to read may have been taken away; what the file system forbids, which has a detail, is the server's
    /// fault.
    var fetchCode: ResponseCode {
        switch self.code {
        case .damaged: .corruption
        case .expunged: .expungeIssued
        case .inUse: .inUse
        case .limit: .limit
        case .noPermission where self.detail.isEmpty: .noPermission
        case .notFound, .alreadyExists, .noPermission, .cannot, .overQuota, .tooBig, .diskFull, .temporary:
            .unavailable
        }
    }

    /// Whether the administrator has to know.
    var isServerFault: Bool {
        switch self.code {
        case .diskFull, .temporary, .damaged: true
        // What an access control list forbids has no detail; the file system has: files of a wrong owner or mode.
        case .noPermission: !self.detail.isEmpty
        case .notFound, .alreadyExists, .cannot, .expunged, .overQuota, .tooBig, .limit, .inUse: false
        }
    }
}
