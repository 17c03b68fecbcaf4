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
        case .filter(var filter):
            filter.search.key = filter.search.key.replacingSavedResult(numbers)
            return .filter(filter)
        // In other mailboxes `$` has no meaning; whoever runs the command refuses it.
        case .multiSearch(let command) where command.sources != [.selected]: return self
        case .multiSearch(var command):
            command.search.key = command.search.key.replacingSavedResult(numbers)
            return .multiSearch(command)
        case .cancelUpdate, .capability, .noop, .logout, .id, .language, .startTLS, .login, .authenticate, .enable,
            .select, .examine,
            .create,
            .delete, .rename, .subscribe, .unsubscribe, .list, .lsub, .xlist, .namespace, .status, .access, .idle,
            .getMetadata,
            .setMetadata, .notify, .getQuota, .getQuotaRoot, .setQuota, .check,
            .close,
            .unselect, .expunge:
            return self
        case .compress, .unauthenticate, .uidBatches, .signURLs, .resetKey, .fetchURLs:
            return self
        }
    }
}

extension SearchKey {
    /// The key with every `$` in it replaced.
    public func replacingSavedResult(_ numbers: (MessageNumbering) -> SequenceSet) -> SearchKey {
        let replaced = self.replacing { key in
            switch key {
            // `$` and `UID $` mean the same.
            case .sequence(let set), .uid(let set): set.isSavedResult ? .uid(numbers(.uid)) : key
            default: key
            }
        }
        return replaced ?? self
    }
}
