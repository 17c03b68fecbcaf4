/// A client's command with its arguments, checked against the grammar but not against any mailbox.
public enum Command: Hashable, Sendable {
    // Any state.
    case capability
    case noop
    case logout
    case id(IDParameters)
    /// Language ranges; none asks for a list (RFC 5255 section 3.2).
    case language([[UInt8]])

    // Not authenticated.
    case startTLS
    case login(user: [UInt8], password: [UInt8])
    case authenticate(AuthenticateCommand)

    // Authenticated.
    /// The names to enable, in capitals; unknown ones are for the session to pass over.
    case enable([[UInt8]])
    case select(WireMailboxName, SelectParameters)
    case examine(WireMailboxName, SelectParameters)
    /// The uses, each once; `nil` for one that this server does not know.
    case create(WireMailboxName, use: [SpecialUseAttribute?])
    case delete(WireMailboxName)
    case rename(WireMailboxName, to: WireMailboxName)
    case subscribe(WireMailboxName)
    case unsubscribe(WireMailboxName)
    case list(ListCommand)
    case lsub(reference: WireMailboxName, pattern: [UInt8])
    /// LIST as Gmail had it before SPECIAL-USE.
    case xlist(reference: WireMailboxName, pattern: [UInt8])
    case namespace
    case status(WireMailboxName, [StatusItem])
    case access(AccessCommand)
    case idle
    /// COMPRESS DEFLATE, the one algorithm there is (RFC 4978).
    case compress
    /// Back to the state before the login (RFC 8437).
    case unauthenticate
    case getMetadata(GetMetadataCommand)
    case setMetadata(SetMetadataCommand)
    /// ESEARCH; for the selected mailbox too.
    case multiSearch(MultiSearchCommand)
    case notify(NotifyCommand)
    case getQuota(root: [UInt8])
    case getQuotaRoot(WireMailboxName)
    case setQuota(root: [UInt8], [QuotaSetting])
    /// GENURLAUTH; at least one.
    case signURLs([URLToSign])
    /// RESETKEY of a mailbox, or of all of the user's; the mechanisms are in capitals.
    case resetKey(WireMailboxName?, mechanisms: [[UInt8]])
    /// URLFETCH; at least one.
    case fetchURLs([URLToFetch])

    // Selected.
    case check
    case close
    case unselect
    case expunge
    case uidExpunge(SequenceSet)
    case search(SearchCommand)
    case sort(SortCommand)
    case thread(ThreadCommand)
    case filter(FilterCommand)
    /// The tags of searches whose updates are not wanted any more (RFC 5267 section 4.3.5); at least one.
    case cancelUpdate([[UInt8]])
    case uidBatches(UIDBatchesCommand)
    case fetch(FetchCommand)
    case store(StoreCommand)
    case copy(CopyCommand)
    case move(CopyCommand)
}

/// A command and its tag.
public struct TaggedCommand: Hashable, Sendable {
    public var tag: Tag
    public var command: Command

    public init(tag: Tag, command: Command) {
        self.tag = tag
        self.command = command
    }
}

extension Command {
    /// The command's name in capitals, for logs and answers.
    public var name: StaticString {
        switch self {
        case .capability: "CAPABILITY"
        case .noop: "NOOP"
        case .logout: "LOGOUT"
        case .id: "ID"
        case .language: "LANGUAGE"
        case .startTLS: "STARTTLS"
        case .login: "LOGIN"
        case .authenticate: "AUTHENTICATE"
        case .enable: "ENABLE"
        case .select: "SELECT"
        case .examine: "EXAMINE"
        case .create: "CREATE"
        case .delete: "DELETE"
        case .rename: "RENAME"
        case .subscribe: "SUBSCRIBE"
        case .unsubscribe: "UNSUBSCRIBE"
        case .list: "LIST"
        case .lsub: "LSUB"
        case .xlist: "XLIST"
        case .namespace: "NAMESPACE"
        case .status: "STATUS"
        case .access(let access): access.name
        case .idle: "IDLE"
        case .compress: "COMPRESS"
        case .unauthenticate: "UNAUTHENTICATE"
        case .getMetadata: "GETMETADATA"
        case .setMetadata: "SETMETADATA"
        case .notify: "NOTIFY"
        case .getQuota: "GETQUOTA"
        case .getQuotaRoot: "GETQUOTAROOT"
        case .setQuota: "SETQUOTA"
        case .signURLs: "GENURLAUTH"
        case .resetKey: "RESETKEY"
        case .fetchURLs: "URLFETCH"
        case .check: "CHECK"
        case .close: "CLOSE"
        case .unselect: "UNSELECT"
        case .expunge: "EXPUNGE"
        case .uidExpunge: "UID EXPUNGE"
        case .search(let search): search.numbering == .uid ? "UID SEARCH" : "SEARCH"
        case .sort(let sort): sort.search.numbering == .uid ? "UID SORT" : "SORT"
        case .thread(let thread): thread.search.numbering == .uid ? "UID THREAD" : "THREAD"
        case .filter(let filter): filter.search.numbering == .uid ? "UID FILTER" : "FILTER"
        case .multiSearch: "ESEARCH"
        case .cancelUpdate: "CANCELUPDATE"
        case .uidBatches: "UIDBATCHES"
        case .fetch(let fetch): fetch.numbering == .uid ? "UID FETCH" : "FETCH"
        case .store(let store): store.numbering == .uid ? "UID STORE" : "STORE"
        case .copy(let copy): copy.numbering == .uid ? "UID COPY" : "COPY"
        case .move(let move): move.numbering == .uid ? "UID MOVE" : "MOVE"
        }
    }
}
