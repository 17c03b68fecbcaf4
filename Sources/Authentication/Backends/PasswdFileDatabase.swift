import Glibc
import Synchronization

/// Users and passwords in files of Dovecot's passwd-file form.
///
/// The path may hold variables: then each domain, say, has its own file. A file is read anew when it was
/// changed, which is looked at no more than once a second. Safe to call on any thread.
public final class PasswdFileDatabase: PasswordDatabase, UserDatabase {
    public var driver: String { "passwd-file" }
    public var mayBlock: Bool { false }

    private static let maximumSize = 1 << 28
    private static let maximumFiles = 1000

    private let path: VariableTemplate
    private let defaultScheme: PasswordScheme
    private let log: @Sendable (AuthLogLevel, String) -> Void
    private let now: @Sendable () -> Int64
    private let files = Mutex<[String: WatchedFile<PasswdFileTable>]>([:])

    public convenience init(
        path: VariableTemplate, defaultScheme: PasswordScheme = .crypt,
        log: @escaping @Sendable (AuthLogLevel, String) -> Void
    ) {
        self.init(
            path: path, defaultScheme: defaultScheme,
            now: { Ticks.now.milliseconds }, log: log)
    }

    /// For tests: `now` gives milliseconds.
    package init(
        path: VariableTemplate, defaultScheme: PasswordScheme = .crypt, now: @escaping @Sendable () -> Int64,
        log: @escaping @Sendable (AuthLogLevel, String) -> Void
    ) {
        self.path = path
        self.defaultScheme = defaultScheme
        self.now = now
        self.log = log
    }

    public func lookup(_ query: AuthQuery) -> PasswordLookup {
        switch self.line(query) {
        case .failure(let text): return .temporary(text)
        case .line(nil): return .notFound
        case .line(let line?):
            return .found(
                PasswordEntry(
                    password: line.password, defaultScheme: self.defaultScheme, fields: line.fields,
                    userFields: line.userFields))
        }
    }

    public func lookup(_ query: AuthQuery) -> UserFieldLookup {
        switch self.line(query) {
        case .failure(let text): return .temporary(text)
        case .line(nil): return .notFound
        case .line(let line?): return .found(line.userFields)
        }
    }

    public func users() throws(AuthenticationFailure) -> [String] {
        // Without a user there is no telling which files the variables name.
        guard !self.path.hasVariables else { return [] }
        let query = AuthQuery(user: "", request: AuthenticationRequest(service: ""))
        guard let table = self.table(self.path.expand(query)).contents else {
            throw AuthenticationFailure(.temporary)
        }
        return table.users
    }

    public func knownUsers() throws(AuthenticationFailure) -> [String] { try self.users() }

    private enum LineResult {
        case line(PasswdFileLine?)
        case failure(String)
    }

    private func line(_ query: AuthQuery) -> LineResult {
        guard let path = self.path.expandPath(query) else { return .line(nil) }
        let file = self.table(path)
        guard let table = file.contents else {
            // One of many files that is not there says that the domain does not exist.
            if file.error == ENOENT, self.path.hasVariables { return .line(nil) }
            return .failure("passwd-file \(path): \(file.problem)")
        }
        return .line(table[user: query.user])
    }

    private func table(_ path: String) -> WatchedFile<PasswdFileTable> {
        let now = Ticks(milliseconds: self.now())
        return self.files.withLock { files in
            if let held = files[path], held.isFresh(at: now) { return held }
            var file = files[path] ?? WatchedFile()
            file.look(path, maximumSize: Self.maximumSize, now: now) { contents in
                let table = PasswdFileTable(contents)
                for user in table.duplicates {
                    self.log(
                        .error, "passwd-file \(path): user \(user) exists more than once, the first line counts")
                }
                return table
            }
            // One that is not there goes first: names at a login lead to any number of them.
            if files.count >= Self.maximumFiles, files[path] == nil,
                let victim = files.first(where: { $0.value.contents == nil })?.key ?? files.keys.first
            {
                files[victim] = nil
            }
            files[path] = file
            return file
        }
    }
}
