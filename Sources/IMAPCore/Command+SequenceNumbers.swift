extension Command {
    /// Whether the command speaks of messages by their sequence numbers, in its arguments or in its answer: not for a
    /// client that has enabled UIDONLY (RFC 9586).
    public var hasSequenceNumbers: Bool {
        switch self {
        case .fetch(let fetch): fetch.numbering == .sequenceNumber
        case .store(let store): store.numbering == .sequenceNumber
        case .copy(let copy), .move(let copy): copy.numbering == .sequenceNumber
        case .search(let search): search.hasSequenceNumbers
        case .sort(let sort): sort.search.hasSequenceNumbers
        case .thread(let thread): thread.search.hasSequenceNumbers
        case .filter(let filter): filter.search.hasSequenceNumbers
        case .multiSearch(let command): command.search.key.namesSequenceNumbers
        case .select(_, let parameters), .examine(_, let parameters): parameters.quickResync?.match != nil
        default: false
        }
    }
}

extension SearchCommand {
    fileprivate var hasSequenceNumbers: Bool {
        self.numbering == .sequenceNumber || self.key.namesSequenceNumbers
    }
}

extension SearchKey {
    /// Whether sequence numbers stand in here as such: `$` is none.
    public var namesSequenceNumbers: Bool {
        self.contains { if case .sequence(let set) = $0 { !set.isSavedResult } else { false } }
    }
}
