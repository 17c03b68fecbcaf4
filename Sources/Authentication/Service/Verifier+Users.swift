import MailCore
import Synchronization

/// Records and lists of users.
extension Verifier {
    /// A user's record; `nil` when that would have to wait and must not.
    func resolve(_ query: AuthQuery, waiting: Waiting) -> UserLookup? {
        var trouble: String?
        for source in self.configuration.userDatabases {
            if source.database.mayBlock, case .forbidden = waiting { return nil }
            if source.existence == .passwordDatabases, !query.isAuthenticated {
                switch self.existence(of: query, waiting: waiting) {
                case .exists: break
                case .unknown: continue
                case .wouldBlock: return nil
                case .temporary(let text):
                    trouble = text
                    continue
                }
            }
            switch source.database.lookup(query.keyed(source.usernameFormat)) {
            case .notFound: continue
            case .temporary(let text): trouble = "\(source.database.driver): \(text)"
            case .found(let fields): return self.record(fields, source, query)
            }
        }
        guard let trouble else { return .notFound }
        self.log(.error, "\(Self.label("userdb", query)): \(trouble)")
        return .temporary(trouble)
    }

    private func record(_ found: [String: String], _ source: UserSource, _ query: AuthQuery) -> UserLookup {
        var query = query
        var fields = found
        if let name = fields.removeValue(forKey: "user"), !name.isEmpty { query.user = name }
        let isSafe = source.fields.apply(to: &fields, query)
        let label = Self.label(source.database.driver, query)
        guard isSafe else {
            self.log(.error, "\(label): the name would lead out of a field's directory")
            return .notFound
        }
        let uid: UInt32?
        let gid: UInt32?
        switch (self.number(fields["uid"], isGroup: false), self.number(fields["gid"], isGroup: true)) {
        case (.failed(let code), _), (_, .failed(let code)):
            let text = "name of uid or gid: error \(code)"
            self.log(.error, "\(label): \(text)")
            return .temporary(text)
        case (let user, let group):
            if case .found(let number) = user { uid = number } else { uid = nil }
            if case .found(let number) = group { gid = number } else { gid = nil }
        }
        guard let uid, let gid, uid > 0, gid > 0 else {
            self.log(.error, "\(label): \(Self.ownerProblem(fields, uid: uid, gid: gid))")
            return .notFound
        }
        fields["uid"] = String(uid)
        fields["gid"] = String(gid)
        guard let record = UserRecord(user: query.user, fields: fields) else { return .notFound }
        return .found(record)
    }

    /// Why the ids in a userdb's answer are none.
    private static func ownerProblem(_ fields: [String: String], uid: UInt32?, gid: UInt32?) -> String {
        if uid == nil, let name = fields["uid"], !name.isEmpty {
            return "uid=\(LoggedName.text(name)): there is no system user of that name"
        }
        if gid == nil, let name = fields["gid"], !name.isEmpty {
            return "gid=\(LoggedName.text(name)): there is no system group of that name"
        }
        return "userdb info has no uid and gid above 0"
    }

    /// A uid or gid given as number or name.
    private func number(_ text: String?, isGroup: Bool) -> SystemAccounts.Lookup<UInt32> {
        guard let text, !text.isEmpty else { return .notFound }
        if let number = UInt32(text) { return .found(number) }
        let key = (isGroup ? "g" : "u") + text
        if let held = self.owners.withLock({ $0[key] }) { return .found(held) }
        let result: SystemAccounts.Lookup<UInt32>
        if isGroup {
            result = SystemAccounts.group(named: text)
        } else {
            switch SystemAccounts.user(named: text) {
            case .found(let user): result = .found(user.uid)
            case .notFound: result = .notFound
            case .failed(let code): result = .failed(code)
            }
        }
        if case .found(let number) = result {
            self.owners.withLock { owners in
                if owners.count >= 10_000 { owners = [:] }
                owners[key] = number
            }
        }
        return result
    }

    /// The password databases' fields for a user, without checking a password; `nil` when none knows the user.
    func passwordFields(_ query: AuthQuery) throws(AuthenticationFailure) -> AcceptedPassword? {
        for source in self.configuration.passwordDatabases where source.use == .accept {
            switch source.database.lookup(query.keyed(source.usernameFormat)) {
            case .notFound, .pam: continue
            case .temporary(let text):
                self.log(.error, "\(Self.label(source.database.driver, query)): \(text)")
                throw AuthenticationFailure(.temporary)
            case .found(var entry):
                guard self.complete(&entry, source, query) else { continue }
                return AcceptedPassword(
                    user: entry.fields["user"] ?? query.user,
                    fields: entry.fields.filter { $0.key != "user" },
                    userFields: entry.userFields)
            }
        }
        return nil
    }

    /// All users whose names match `mask`, each once. May wait.
    func list(matching mask: String) throws(AuthenticationFailure) -> [String] {
        var seen: Set<String> = []
        var names: [String] = []
        let mask = Mask(mask)
        for source in self.configuration.userDatabases {
            let listed: [String]
            switch source.existence {
            case .database: listed = try source.database.users()
            case .passwordDatabases: listed = try self.usersOfPasswordDatabases()
            }
            for name in listed where seen.insert(name).inserted && mask.matches(name) { names.append(name) }
        }
        return names
    }
}
