/// Something a script decided to do with the message.
public struct SieveAction: Sendable, Equatable {
    public enum Kind: Sendable, Equatable {
        /// Into the default mailbox.
        case keep
        /// Into the mailbox of this name, as the user writes it: UTF-8, with the separator of the namespace.
        case fileInto(mailbox: String)
        /// Sent on to this address, `local@domain` in the form of RFC 5321.
        case redirect(address: String)
        /// Nothing; it cancelled the implicit keep.
        case discard
    }

    public var kind: Kind
    /// Which script and where in it.
    public var script: String
    public var position: SievePosition

    /// How two actions of one run get along.
    enum Relation: Equatable {
        /// Both are done.
        case independent
        /// The second is the first once more (RFC 5228 section 2.10.3).
        case duplicate
    }

    /// What `later` is beside this one, which came before it.
    func relation(to later: Kind, defaultMailbox: String) -> Relation {
        switch (self.kind, later) {
        case (.keep, .keep), (.discard, .discard): .duplicate
        case (.keep, .fileInto(let name)), (.fileInto(let name), .keep):
            Self.sameMailbox(name, defaultMailbox) ? .duplicate : .independent
        case (.fileInto(let first), .fileInto(let second)):
            Self.sameMailbox(first, second) ? .duplicate : .independent
        case (.redirect(let first), .redirect(let second)):
            Self.sameAddress(first, second) ? .duplicate : .independent
        case (.keep, _), (.fileInto, _), (.redirect, _), (.discard, _): .independent
        }
    }

    /// INBOX is one mailbox in any case (RFC 9051 section 5.1).
    private static func sameMailbox(_ a: String, _ b: String) -> Bool {
        a == b || (a.lowercased() == "inbox" && b.lowercased() == "inbox")
    }

    /// The domain counts in any case.
    private static func sameAddress(_ a: String, _ b: String) -> Bool {
        if a == b { return true }
        guard let first = a.lastIndex(of: "@"), let second = b.lastIndex(of: "@") else { return false }
        return a[..<first] == b[..<second] && a[first...].lowercased() == b[second...].lowercased()
    }
}
