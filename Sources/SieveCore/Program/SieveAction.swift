/// Something a script decided to do with the message.
public struct SieveAction: Sendable, Equatable {
    public enum Kind: Sendable, Equatable {
        /// Into the default mailbox.
        case keep(flags: [String])
        case fileInto(SieveFileInto)
        /// Sent on to this address, `local@domain` in the form of RFC 5321.
        case redirect(address: String)
        /// Nothing; it cancelled the implicit keep.
        case discard
        /// Refused with this reason for the sender (RFC 5429); `extended`: ereject.
        case reject(reason: String, extended: Bool)
        case vacation(SieveVacation)
        case notify(SieveNotification)
        case report(SieveAbuseReport)
        /// Given to a program (vnd.dovecot.pipe).
        case pipe(SieveProgramCall)
    }

    public var kind: Kind
    /// Which form of the message it is done with: 0 the original, else the number in `SieveResult.editedMessages`,
    /// from 1.
    public var message = 0
    /// Which script and where in it.
    public var script: String
    public var position: SievePosition
    /// Whether it counts among those that are limited, and is not a part of the one before.
    var counts = true

    public init(kind: Kind, message: Int = 0, script: String, position: SievePosition) {
        self.kind = kind
        self.message = message
        self.script = script
        self.position = position
    }
}

/// The mailbox of a fileinto.
public struct SieveFileInto: Sendable, Equatable {
    /// The name as the user writes it: UTF-8, with the separator of the namespace.
    public var mailbox: String
    /// Makes a missing mailbox (RFC 5490).
    public var creates = false
    public var flags: [String] = []
    /// The mailbox of this special use is taken before that of the name (RFC 8579).
    public var specialUse: String?
    /// The mailbox of this id is taken before that of the name (RFC 9042).
    public var mailboxID: String?

    public init(mailbox: String) { self.mailbox = mailbox }

    /// Whether both are one place.
    func isSamePlace(as other: SieveFileInto) -> Bool {
        Self.sameMailbox(self.mailbox, other.mailbox) && self.specialUse == other.specialUse
            && self.mailboxID == other.mailboxID
    }

    /// INBOX is one mailbox in any case (RFC 9051 section 5.1).
    static func sameMailbox(_ a: String, _ b: String) -> Bool {
        a == b || (a.lowercased() == "inbox" && b.lowercased() == "inbox")
    }
}

/// A reply to the sender (RFC 5230), with everything that the script said; who may be answered is decided where the
/// mail is delivered.
public struct SieveVacation: Sendable, Equatable {
    /// How long a sender gets no second reply.
    public var seconds: Int64 = 0
    public var subject: [UInt8]?
    public var from: String?
    /// More addresses of the user.
    public var addresses: [String] = []
    /// Whether `reason` is a MIME entity with its header.
    public var isMIME = false
    /// Tells this reply from others for the record of whom was answered.
    public var handle: [UInt8] = []
    public var reason: [UInt8] = []
    /// Where a copy of the reply is filed (RFC 8580).
    public var copy: SieveFileInto?

    public init() {}
}

/// A notification (RFC 5435).
public struct SieveNotification: Sendable, Equatable {
    /// 1 high, 2 normal, 3 low.
    public var importance = 2
    /// `mailto:...`
    public var method: [UInt8] = []
    public var from: [UInt8]?
    public var options: [[UInt8]] = []
    public var message: [UInt8]?
    /// Recipients of the method that an earlier notification has told.
    public var omitted: [String] = []
    /// Where a copy of the notification is filed (RFC 8580).
    public var copy: SieveFileInto?
    /// Whether it is one of the extension before RFC 5435, whose message is the text of the mail.
    var isFormer = false
    /// By which `denotify` names a former one.
    var identifier: [UInt8]?

    public init() {}
}

/// A report of abuse in the form of RFC 5965 (vnd.dovecot.report).
public struct SieveAbuseReport: Sendable, Equatable {
    public var feedback: [UInt8] = []
    public var text: [UInt8] = []
    public var address: String = ""
    public var headersOnly = false

    public init() {}
}

/// A program with its arguments (vnd.dovecot.pipe, .filter, .execute).
public struct SieveProgramCall: Sendable, Equatable {
    /// Which extension asks, and so where the program is looked for.
    public enum Kind: String, Sendable { case pipe, filter, execute }

    public var kind: Kind
    public var program: String
    public var arguments: [[UInt8]] = []
    /// A failure is no failure of the delivery.
    public var mayFail = false

    public init(_ kind: Kind, program: String) {
        self.kind = kind
        self.program = program
    }
}

extension SieveAction.Kind {
    /// The word that names the action in tests and traces.
    public var name: String {
        switch self {
        case .keep: "keep"
        case .fileInto: "store"
        case .redirect: "redirect"
        case .discard: "discard"
        case .reject(_, let extended): extended ? "ereject" : "reject"
        case .vacation: "vacation"
        case .notify: "notify"
        case .report: "report"
        case .pipe: "pipe"
        }
    }

    /// How a new action gets along with one of the same run that came before it.
    enum Relation: Equatable {
        /// Both are done.
        case independent
        /// The second is the first once more (RFC 5228 section 2.10.3).
        case duplicate
        /// They cannot both be done; what to tell the user.
        case conflict(String)
        /// This much of the second is not yet done by the first.
        case reduced(SieveAction.Kind)
    }

    /// What `later` is beside this one.
    func relation(to later: SieveAction.Kind, defaultMailbox: String) -> Relation {
        switch (self, later) {
        case (.keep, .keep), (.discard, .discard): return .duplicate
        case (.keep, .fileInto(let place)), (.fileInto(let place), .keep):
            let isDefault =
                SieveFileInto.sameMailbox(place.mailbox, defaultMailbox) && place.specialUse == nil
                && place.mailboxID == nil
            return isDefault ? .duplicate : .independent
        case (.fileInto(let first), .fileInto(let second)):
            return first.isSamePlace(as: second) ? .duplicate : .independent
        case (.redirect(let first), .redirect(let second)):
            return Self.sameAddress(first, second) ? .duplicate : .independent
        case (.reject, .reject): return .conflict("a message can be rejected once only")
        case (.reject, .keep), (.reject, .fileInto), (.reject, .redirect), (.reject, .vacation), (.reject, .pipe),
            (.keep, .reject), (.fileInto, .reject), (.redirect, .reject), (.vacation, .reject), (.pipe, .reject):
            return .conflict("\"\(later.name)\" cannot be done together with \"\(self.name)\"")
        case (.notify(let first), .notify(let second)):
            // Each may still be taken back.
            if first.isFormer || second.isFormer { return .independent }
            return Self.relation(of: second, after: first)
        case (.vacation, .vacation): return .conflict("\"vacation\" can be used once only")
        default: return .independent
        }
    }

    /// Nobody is told twice by mail (RFC 5436 section 2.7).
    private static func relation(of later: SieveNotification, after first: SieveNotification) -> Relation {
        guard let told = MailtoURI(first.method)?.everybody, let asked = MailtoURI(later.method)?.everybody else {
            return .independent
        }
        let known = told.filter { !first.omitted.contains($0) }
        let rest = asked.filter { address in
            !later.omitted.contains(address) && !known.contains { Self.sameAddress($0, address) }
        }
        if rest.isEmpty { return .duplicate }
        var reduced = later
        reduced.omitted = asked.filter { !rest.contains($0) }
        return .reduced(.notify(reduced))
    }

    /// The domain counts in any case.
    private static func sameAddress(_ a: String, _ b: String) -> Bool {
        if a == b { return true }
        guard let first = a.lastIndex(of: "@"), let second = b.lastIndex(of: "@") else { return false }
        return a[..<first] == b[..<second] && a[first...].lowercased() == b[second...].lowercased()
    }
}
