/// THREAD and UID THREAD (RFC 5256).
public struct ThreadCommand: Hashable, Sendable {
    /// How messages are gathered into threads.
    public enum Algorithm: Hashable, Sendable, CaseIterable {
        case orderedSubject
        case references
        /// Like REFERENCES, but messages with the same subject are not gathered, and the thread with the newest
        /// message comes last.
        case refs

        var wireName: StaticString {
            switch self {
            case .orderedSubject: "ORDEREDSUBJECT"
            case .references: "REFERENCES"
            case .refs: "REFS"
            }
        }
    }

    public var algorithm: Algorithm
    public var search: SearchCommand

    public init(_ algorithm: Algorithm, _ search: SearchCommand) {
        self.algorithm = algorithm
        self.search = search
    }
}

extension Cursor {
    mutating func thread(_ numbering: MessageNumbering) throws(SyntaxError) -> ThreadCommand {
        try self.space()
        let word = self.word()
        guard
            let algorithm = ThreadCommand.Algorithm.allCases.first(where: { self.matches(word, $0.wireName) })
        else {
            throw self.unexpected(word, "ORDEREDSUBJECT, REFERENCES or REFS")
        }
        try self.space()
        return ThreadCommand(algorithm, try self.searchCriteria(numbering))
    }
}
