/// Which commands a session allows, and in which state it is (RFC 9051 section 3).
public struct SessionStateMachine: Sendable {
    private enum State: Hashable {
        case notAuthenticated
        case authenticated
        case selected(isReadOnly: Bool)
        /// Logged in no more; for another session to go on from the start.
        case unauthenticated
        case loggedOut
    }

    /// What is to be done with a command.
    public enum Verdict: Hashable, Sendable {
        case run
        /// Answer BAD with this text.
        case refuse(StaticStringText)
    }

    private var state: State

    /// A session before its login, or one whose user is known from the start (PREAUTH).
    public init(isPreauthenticated: Bool = false) {
        self.state = isPreauthenticated ? .authenticated : .notAuthenticated
    }

    /// Whether a user is logged in, with a mailbox selected or without.
    public var isAuthenticated: Bool {
        switch self.state {
        case .authenticated, .selected: true
        case .notAuthenticated, .unauthenticated, .loggedOut: false
        }
    }

    /// Whether the session is over.
    public var isLoggedOut: Bool { self.state == .loggedOut }

    // MARK: Events

    /// A login has succeeded. Without effect but before a login.
    public mutating func loggedIn() {
        switch self.state {
        case .notAuthenticated: self.state = .authenticated
        case .authenticated, .selected, .unauthenticated, .loggedOut: break
        }
    }

    /// SELECT or EXAMINE has succeeded. Without effect when the session has ended meanwhile.
    public mutating func selected(isReadOnly: Bool) {
        switch self.state {
        case .authenticated, .selected: self.state = .selected(isReadOnly: isReadOnly)
        // A LOGOUT or a shutdown overtook the SELECT.
        case .notAuthenticated, .unauthenticated, .loggedOut: break
        }
    }

    /// CLOSE, UNSELECT, or a SELECT that failed.
    public mutating func deselected() {
        switch self.state {
        case .selected: self.state = .authenticated
        case .notAuthenticated, .authenticated, .unauthenticated, .loggedOut: break
        }
    }

    /// UNAUTHENTICATE.
    public mutating func unauthenticated() {
        switch self.state {
        case .authenticated, .selected: self.state = .unauthenticated
        case .notAuthenticated, .unauthenticated, .loggedOut: break
        }
    }

    /// Whether the user has left by UNAUTHENTICATE: a session from the start follows.
    public var isUnauthenticated: Bool { self.state == .unauthenticated }

    /// LOGOUT, or the end of the connection.
    public mutating func loggedOut() { self.state = .loggedOut }

    // MARK: Commands

    /// Whether a command is allowed in the state that the session is in.
    public func received(_ command: Command) -> Verdict {
        switch command {
        case .capability, .noop, .logout, .id, .language:
            return self.state == .loggedOut ? Self.afterLogout : .run
        case .startTLS, .login, .authenticate:
            switch self.state {
            case .notAuthenticated, .unauthenticated: return .run
            case .authenticated, .selected: return .refuse(StaticStringText("Already logged in"))
            case .loggedOut: return Self.afterLogout
            }
        case .enable, .select, .examine, .create, .delete, .rename, .subscribe, .unsubscribe, .list, .lsub, .xlist,
            .namespace, .status, .access, .multiSearch, .idle, .getMetadata, .setMetadata, .notify, .getQuota,
            .getQuotaRoot, .setQuota, .signURLs, .resetKey, .fetchURLs:
            return self.receivedAppend()
        case .compress, .unauthenticate:
            return self.receivedAppend()
        case .check, .close, .unselect, .expunge, .uidExpunge, .search, .sort, .thread, .filter, .cancelUpdate,
            .uidBatches,
            .fetch,
            .store, .copy, .move:
            switch self.state {
            case .selected: return .run
            case .authenticated: return .refuse(StaticStringText("No mailbox selected"))
            case .notAuthenticated, .unauthenticated: return Self.logInFirst
            case .loggedOut: return Self.afterLogout
            }
        }
    }

    /// APPEND, or REPLACE, which needs a mailbox.
    public func receivedAppend(_ command: AppendCommand) -> Verdict {
        guard command.replaced != nil, self.state == .authenticated else { return self.receivedAppend() }
        return .refuse(StaticStringText("No mailbox selected"))
    }

    /// APPEND, which is no `Command` since its message is streamed: allowed once logged in.
    public func receivedAppend() -> Verdict {
        switch self.state {
        case .authenticated, .selected: .run
        case .notAuthenticated, .unauthenticated: Self.logInFirst
        case .loggedOut: Self.afterLogout
        }
    }

    /// Whether the selected mailbox may be changed: not after EXAMINE.
    public var isReadOnly: Bool {
        switch self.state {
        case .selected(let isReadOnly): isReadOnly
        case .notAuthenticated, .authenticated, .unauthenticated, .loggedOut: true
        }
    }

    private static let logInFirst = Verdict.refuse(StaticStringText("Please log in first"))
    private static let afterLogout = Verdict.refuse(StaticStringText("Logging out"))
}
