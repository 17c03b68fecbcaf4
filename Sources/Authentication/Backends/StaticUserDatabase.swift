/// The same fields for every user, each a template: `uid=vmail gid=vmail home=/srv/mail/%{user}`. It has an answer for
/// every name; who exists the password databases say (`UserSource.Existence`).
public struct StaticUserDatabase: UserDatabase {
    public var driver: String { "static" }
    public var mayBlock: Bool { false }

    private let fields: [String: VariableTemplate]

    public init(fields: [String: VariableTemplate]) { self.fields = fields }

    public func lookup(_ query: AuthQuery) -> UserFieldLookup {
        var expanded: [String: String] = [:]
        let home = self.fields["home"]?.expandPath(query)
        for (key, template) in self.fields {
            // A name that would lead out of the template's directory is no user's.
            guard let value = key == "home" ? home : template.expandPath(query, home: home) else {
                return .notFound
            }
            expanded[key] = value
        }
        return .found(expanded)
    }

    public func users() -> [String] { [] }
}

/// The `userdb_*` fields that the password database gave in the same login; finds nothing otherwise.
public struct PrefetchUserDatabase: UserDatabase {
    public var driver: String { "prefetch" }
    public var mayBlock: Bool { false }

    public init() {}

    public func lookup(_ query: AuthQuery) -> UserFieldLookup {
        query.prefetched.isEmpty ? .notFound : .found(query.prefetched)
    }

    public func users() -> [String] { [] }
}
