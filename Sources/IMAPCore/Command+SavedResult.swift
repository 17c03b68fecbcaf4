extension Command {
    /// The command with every `$` in it replaced: `numbers` answers the saved result in the numbering asked for.
    public func replacingSavedResult(_ numbers: (MessageNumbering) -> SequenceSet) -> Command {
        func replaced(_ set: SequenceSet, _ numbering: MessageNumbering) -> SequenceSet {
            set.isSavedResult ? numbers(numbering) : set
        }
        switch self {
        case .uidExpunge(let set): return .uidExpunge(replaced(set, .uid))
        case .fetch(var fetch):
            fetch.messages = replaced(fetch.messages, fetch.numbering)
            return .fetch(fetch)
        case .store(var store):
            store.messages = replaced(store.messages, store.numbering)
            return .store(store)
        case .copy(var copy):
            copy.messages = replaced(copy.messages, copy.numbering)
            return .copy(copy)
        case .move(var move):
            move.messages = replaced(move.messages, move.numbering)
            return .move(move)
        case .search(var search):
            search.key = search.key.replacingSavedResult(numbers)
            return .search(search)
        case .sort(var sort):
            sort.search.key = sort.search.key.replacingSavedResult(numbers)
            return .sort(sort)
        case .thread(var thread):
            thread.search.key = thread.search.key.replacingSavedResult(numbers)
            return .thread(thread)
        case .capability, .noop, .logout, .id, .language, .startTLS, .login, .authenticate, .enable, .select, .examine,
            .create,
            .delete, .rename, .subscribe, .unsubscribe, .list, .lsub, .xlist, .namespace, .status, .idle, .getMetadata,
            .setMetadata, .check,
            .close,
            .unselect, .expunge:
            return self
        case .compress, .unauthenticate:
            return self
        }
    }
}

extension SearchKey {
    /// Depth is bounded by the parser's limit on nesting.
    fileprivate func replacingSavedResult(_ numbers: (MessageNumbering) -> SequenceSet) -> SearchKey {
        switch self {
        // `$` and `UID $` mean the same.
        case .sequence(let set), .uid(let set):
            return set.isSavedResult ? .uid(numbers(.uid)) : self
        case .and(let keys): return .and(keys.map { $0.replacingSavedResult(numbers) })
        case .or(let a, let b):
            return .or(a.replacingSavedResult(numbers), b.replacingSavedResult(numbers))
        case .not(let key): return .not(key.replacingSavedResult(numbers))
        case .all, .flags, .notFlags, .recent, .keyword, .modSeq, .before, .on, .since, .older, .younger,
            .sentBefore, .sentOn, .sentSince, .larger, .smaller, .header, .body, .text:
            return self
        }
    }
}
