/// Who a row of an access control list is about.
public enum AccessIdentifier: Hashable, Sendable {
    /// Everybody, also without a login.
    case anyone
    /// Everybody who has logged in.
    case authenticated
    case group(String)
    /// Whose mailbox it is.
    case owner
    case user(String)
    /// As `group`, but stronger than a row about the user.
    case groupOverride(String)

    /// The stronger kind decides: of the rows that are about a user, those of the highest kind count.
    var strength: Int {
        switch self {
        case .anyone: 0
        case .authenticated: 1
        case .group: 2
        case .owner: 3
        case .user: 4
        case .groupOverride: 5
        }
    }
}

/// One user as access control lists see it.
public struct AccessSubject: Hashable, Sendable {
    public var user: String
    public var groups: Set<String>

    public init(user: String, groups: Set<String> = []) {
        self.user = user
        self.groups = groups
    }

    /// Whether a row is about this user.
    func matches(_ identifier: AccessIdentifier, isOwner: Bool) -> Bool {
        switch identifier {
        case .anyone, .authenticated: true
        case .group(let name), .groupOverride(let name): self.groups.contains(name)
        case .owner: isOwner
        case .user(let name): name == self.user
        }
    }

    /// Every identifier that can be about this user in a mailbox of somebody else.
    public var identifiers: [AccessIdentifier] {
        [.anyone, .authenticated, .user(self.user)]
            + self.groups.flatMap { [AccessIdentifier.group($0), .groupOverride($0)] }
    }
}

/// A mailbox's access control list: rows with rights given and taken (RFC 4314, `dovecot-acl`).
public struct AccessList: Hashable, Sendable {
    /// What is given to an identifier, or with `isNegative` taken away.
    public struct Row: Hashable, Sendable {
        public var identifier: AccessIdentifier
        public var isNegative: Bool
        public var rights: MailRights
        /// Rights by names that mean nothing here; kept.
        public var unknownRights: [String]

        public init(
            _ identifier: AccessIdentifier, _ rights: MailRights, isNegative: Bool = false,
            unknownRights: [String] = []
        ) {
            self.identifier = identifier
            self.isNegative = isNegative
            self.rights = rights
            self.unknownRights = unknownRights
        }
    }

    /// In the order of the file; of one identifier and sign there may be several, which add up.
    public private(set) var rows: [Row]
    /// Whether the text it was read from has lines that are no rows. It then gives rights to nobody but the owner:
    /// what was meant to be taken away may stand in them.
    public var isDamaged = false

    public init(_ rows: [Row] = []) { self.rows = rows }

    public var isEmpty: Bool { self.rows.isEmpty && !self.isDamaged }

    /// What a user may do.
    ///
    /// Of the rows that give, those of the strongest identifier about the user count, and so for those that take;
    /// what is taken is subtracted from what is given. Without a row that gives, nobody has rights but the owner, for
    /// whom there is a row with all rights unless the list has another about `owner`.
    public func rights(of subject: AccessSubject, isOwner: Bool) -> MailRights {
        guard !self.isDamaged else { return isOwner ? .all : [] }
        let given = self.strongest(of: subject, isOwner: isOwner, isNegative: false) ?? []
        return given.subtracting(self.strongest(of: subject, isOwner: isOwner, isNegative: true) ?? [])
    }

    private func strongest(of subject: AccessSubject, isOwner: Bool, isNegative: Bool) -> MailRights? {
        var strength = -1
        var rights: MailRights = []
        if isOwner {
            // That there is no row about the owner is as if one gave everything and took nothing.
            strength = AccessIdentifier.owner.strength
            let isGiven = self.rows.contains { $0.identifier == .owner && !$0.isNegative }
            rights = isNegative || isGiven ? [] : .all
        }
        for row in self.rows where row.isNegative == isNegative {
            guard subject.matches(row.identifier, isOwner: isOwner) else { continue }
            if row.identifier.strength > strength {
                strength = row.identifier.strength
                rights = row.rights
            } else if row.identifier.strength == strength {
                rights.formUnion(row.rights)
            }
        }
        return strength < 0 ? nil : rights
    }

    /// Identifiers to whom some row gives what makes a mailbox known; for the registry of who shares with whom.
    public var beneficiaries: Set<AccessIdentifier> {
        guard !self.isDamaged else { return [] }
        return Set(
            self.rows.filter { !$0.isNegative && !$0.rights.isDisjoint(with: .knowing) }.map(\.identifier))
    }

    // MARK: Changes

    /// How rights are changed.
    public enum Change: Sendable, Hashable { case replace, add, remove }

    /// Changes the rights given to, or with `isNegative` taken from, an identifier. A row without rights goes.
    public mutating func set(
        _ identifier: AccessIdentifier, isNegative: Bool, _ change: Change, _ rights: MailRights
    ) {
        var now: MailRights = []
        var unknown: [String] = []
        var place: Int?
        for (index, row) in self.rows.enumerated()
        where row.identifier == identifier && row.isNegative == isNegative {
            now.formUnion(row.rights)
            unknown += row.unknownRights
            if place == nil { place = index }
        }
        switch change {
        case .replace:
            now = rights
            unknown = []
        case .add: now.formUnion(rights)
        case .remove: now.subtract(rights)
        }
        self.rows.removeAll { $0.identifier == identifier && $0.isNegative == isNegative }
        guard !now.isEmpty || !unknown.isEmpty else { return }
        let row = Row(identifier, now, isNegative: isNegative, unknownRights: unknown)
        if let place, place <= self.rows.count {
            self.rows.insert(row, at: place)
        } else {
            self.rows.append(row)
        }
        // Weaker ones first, as Dovecot writes them. Sorting is stable.
        let sorted = self.rows.enumerated().sorted { a, b in
            let one = (a.element.identifier.strength, a.offset)
            let other = (b.element.identifier.strength, b.offset)
            return one < other
        }
        self.rows = sorted.map(\.element)
    }

    /// Removes the rows of one sign about an identifier.
    public mutating func remove(_ identifier: AccessIdentifier, isNegative: Bool) {
        self.rows.removeAll { $0.identifier == identifier && $0.isNegative == isNegative }
    }
}
