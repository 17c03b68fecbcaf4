import Authentication
import IMAPCore
import MailCore
import MailStore

/// What the URLs are signed with that a user gives away of one mailbox (RFC 4467 section 3).
///
/// There are two keys behind it, both kept where clients cannot read them: one of the mailbox and the user, which
/// goes with the mailbox and which RESETKEY of that mailbox replaces, and one of the user, so that RESETKEY without
/// a mailbox ends all URLs in one step.
struct URLKey: Sendable {
    private let octets: [UInt8]

    /// Random octets of each key; it is kept in hexadecimal, as Dovecot keeps its keys.
    private static let size = 64
    private static let prefix = "/private/vendor/vendor.dovecot/pvt/imap-urlauth"
    private static let ofUser = MetadataEntry(prefix)

    private static func entry(of user: String) -> MetadataEntry? {
        // Names of entries are the same in capitals and without, those of users may not be.
        let name = Digest.hmacSHA256(key: [], Array(user.utf8)).map { Self.hexadecimal($0.prefix(16)) }
        return name.flatMap { MetadataEntry("\(prefix)/\($0)") }
    }

    /// - Parameter isMade: whether keys that are missing are made; else the answer is `nil` without them.
    init?(
        of mailbox: MailboxName, user: String, in account: any MailAccount, isMade: Bool
    ) async throws(StoreError) {
        guard let ofUser = Self.ofUser, let entry = Self.entry(of: user) else { return nil }
        let new = isMade ? Self.make() : nil
        guard let userKey = try await account.secret(ofUser, of: .server, orElse: new),
            let mailboxKey = try await account.secret(entry, of: .mailbox(mailbox), orElse: isMade ? Self.make() : nil)
        else { return nil }
        // The first of them always has the same length.
        self.octets = userKey + mailboxKey
    }

    /// Ends what was signed with the user's key of a mailbox, or with any of the user's keys.
    static func reset(of mailbox: MailboxName?, user: String, in account: any MailAccount) async throws(StoreError) {
        guard let ofUser = Self.ofUser, let entry = Self.entry(of: user) else { return }
        if let mailbox {
            try await account.setSecret(entry, Self.make(), of: .mailbox(mailbox))
        } else {
            try await account.setSecret(ofUser, Self.make(), of: .server)
        }
    }

    /// The token of a URL's rump; `nil` when the crypto library refuses.
    func token(of rump: some Collection<UInt8>) -> [UInt8]? {
        Digest.hmacSHA256(key: self.octets, Array(rump))
    }

    /// The URL with its token, ready to be given away.
    func signed(_ rump: [UInt8]) -> [UInt8]? {
        guard let token = self.token(of: rump) else { return nil }
        return rump + Array(":internal:\(Self.hexadecimal(token[...]))".utf8)
    }

    /// Whether a token is that of the rump; in a time that tells nothing of it.
    func verifies(_ token: [UInt8], of rump: some Collection<UInt8>) -> Bool {
        self.token(of: rump).map { constantTimeEqual($0, token) } ?? false
    }

    private static func make() -> [UInt8] { Array(self.hexadecimal(randomBytes(self.size)[...]).utf8) }

    private static func hexadecimal(_ octets: ArraySlice<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: octets.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
