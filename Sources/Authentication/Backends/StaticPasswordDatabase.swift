/// One password for every user, or none with a `nopassword` field: for trusted networks and tests.
public struct StaticPasswordDatabase: PasswordDatabase {
    public var driver: String { "static" }
    public var mayBlock: Bool { false }

    private let password: String
    private let defaultScheme: PasswordScheme

    /// `password` is a stored form, with `{SCHEME}` or in `defaultScheme`.
    public init(password: String, defaultScheme: PasswordScheme = .plain) {
        self.password = password
        self.defaultScheme = defaultScheme
    }

    public func lookup(_ query: AuthQuery) -> PasswordLookup {
        .found(PasswordEntry(password: self.password, defaultScheme: self.defaultScheme))
    }
}
