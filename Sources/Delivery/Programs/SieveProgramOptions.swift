public import MailStore
import SieveCore

/// Where programs lie that scripts may run, and what they may take (vnd.dovecot.pipe, .filter, .execute).
public struct SieveProgramOptions: Sendable {
    /// Those of one extension.
    public struct Place: Sendable, Equatable {
        /// The directory of programs that are run directly, absolute; empty: none.
        public var binDirectory = ""
        /// The directory of sockets behind which script services wait, absolute; empty: none. A socket goes before a
        /// program of the same name.
        public var socketDirectory = ""
        /// For so long a program may run, from its start.
        public var timeout: Duration = .seconds(10)
        /// How lines of its input end.
        public var inputLineEnd = LineEnd.crlf

        public init() {}

        public var isEmpty: Bool { self.binDirectory.isEmpty && self.socketDirectory.isEmpty }
    }

    public enum LineEnd: String, Sendable, CaseIterable { case crlf, lf }

    public var pipe = Place()
    public var filter = Place()
    public var execute = Place()
    /// Octets of a program's output that are taken. More of filter's is a failure; more of execute's is cut.
    public var maximumOutput = 128 << 20

    public init() {}

    func place(_ kind: SieveProgramCall.Kind) -> Place {
        switch kind {
        case .pipe: self.pipe
        case .filter: self.filter
        case .execute: self.execute
        }
    }
}

/// For whom a program runs: what its environment says, and as which user.
public struct SieveProgramContext: Sendable {
    /// `USER`.
    public var user: String
    /// `HOME`, where it also begins; `nil`: there is none.
    public var home: String?
    /// `HOST`.
    public var hostname: String?
    /// `SENDER`; `nil`: the null sender, which is empty there.
    public var sender: String?
    /// `RECIPIENT`.
    public var recipient: String?
    /// `ORIG_RECIPIENT`.
    public var originalRecipient: String?
    /// The user and group that it runs as; `nil`: those of the process.
    public var owner: AccountIdentity.FileOwner?

    public init(user: String, home: String? = nil, owner: AccountIdentity.FileOwner? = nil) {
        self.user = user
        self.home = home
        self.owner = owner
    }

    /// `NAME=value`.
    var environment: [String] {
        var list = [
            ChildProgram.searchPath, "USER=\(self.user)",
            "SENDER=\(self.sender ?? "")",
        ]
        if let home = self.home { list.append("HOME=\(home)") }
        if let hostname = self.hostname { list.append("HOST=\(hostname)") }
        if let recipient = self.recipient { list.append("RECIPIENT=\(recipient)") }
        if let original = self.originalRecipient { list.append("ORIG_RECIPIENT=\(original)") }
        return list.filter { !$0.utf8.contains(0) }
    }
}
