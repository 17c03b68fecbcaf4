import MailCore

extension Cursor {
    /// The command after the tag, to its end.
    mutating func command() throws(SyntaxError) -> Command {
        let word = self.word()
        let command = try self.command(named: word)
        try self.end()
        return command
    }

    /// Reads the arguments of the command named by `word`; chosen by its first letter.
    private mutating func command(named word: Range<Int>) throws(SyntaxError) -> Command {
        switch self.initial(word) {
        case UInt8(ascii: "A"):
            if self.matches(word, "AUTHENTICATE") { return try self.authenticate() }
        case UInt8(ascii: "C"):
            if self.matches(word, "COPY") { return .copy(try self.copy(.sequenceNumber)) }
            if self.matches(word, "CLOSE") { return .close }
            if self.matches(word, "CHECK") { return .check }
            if self.matches(word, "CANCELUPDATE") { return .cancelUpdate(try self.cancelledTags()) }
            if self.matches(word, "CREATE") { return try self.create() }
            if self.matches(word, "CAPABILITY") { return .capability }
            if self.matches(word, "COMPRESS") { return try self.compress() }
        case UInt8(ascii: "D"):
            if self.matches(word, "DELETE") { return .delete(try self.mailboxArgument()) }
            if self.matches(word, "DELETEACL") { return try self.deleteACL() }
        case UInt8(ascii: "E"):
            if self.matches(word, "EXPUNGE") { return .expunge }
            if self.matches(word, "EXAMINE") {
                let (mailbox, parameters) = try self.select()
                return .examine(mailbox, parameters)
            }
            if self.matches(word, "ESEARCH") { return .multiSearch(try self.multiSearch()) }
            if self.matches(word, "ENABLE") { return try self.enable() }
        case UInt8(ascii: "F"):
            if self.matches(word, "FETCH") { return .fetch(try self.fetch(.sequenceNumber)) }
            if self.matches(word, "FILTER") { return .filter(try self.filter(.sequenceNumber)) }
        case UInt8(ascii: "G"):
            if self.matches(word, "GETMETADATA") { return .getMetadata(try self.getMetadata()) }
            if self.matches(word, "GETQUOTA") { return try self.getQuota() }
            if self.matches(word, "GETQUOTAROOT") { return .getQuotaRoot(try self.mailboxArgument()) }
            if self.matches(word, "GENURLAUTH") { return try self.signURLs() }
            if self.matches(word, "GETACL") { return .access(.getACL(try self.mailboxArgument())) }
        case UInt8(ascii: "I"):
            if self.matches(word, "IDLE") { return .idle }
            if self.matches(word, "ID") { return .id(try self.id()) }
        case UInt8(ascii: "L"):
            if self.matches(word, "LIST") { return .list(try self.list()) }
            if self.matches(word, "LSUB") { return try self.lsub() }
            if self.matches(word, "LOGIN") { return try self.login() }
            if self.matches(word, "LOGOUT") { return .logout }
            if self.matches(word, "LISTRIGHTS") { return try self.listRights() }
            if self.matches(word, "LANGUAGE") { return try self.language() }
        case UInt8(ascii: "M"):
            if self.matches(word, "MOVE") { return .move(try self.copy(.sequenceNumber)) }
            if self.matches(word, "MYRIGHTS") { return .access(.myRights(try self.mailboxArgument())) }
        case UInt8(ascii: "N"):
            if self.matches(word, "NOOP") { return .noop }
            if self.matches(word, "NOTIFY") { return .notify(try self.notify()) }
            if self.matches(word, "NAMESPACE") { return .namespace }
        case UInt8(ascii: "R"):
            if self.matches(word, "RENAME") { return try self.rename() }
            if self.matches(word, "RESETKEY") { return try self.resetKey() }
        case UInt8(ascii: "S"):
            if self.matches(word, "STORE") { return .store(try self.store(.sequenceNumber)) }
            if self.matches(word, "SEARCH") { return .search(try self.search(.sequenceNumber)) }
            if self.matches(word, "SORT") { return .sort(try self.sort(.sequenceNumber)) }
            if self.matches(word, "SELECT") {
                let (mailbox, parameters) = try self.select()
                return .select(mailbox, parameters)
            }
            if self.matches(word, "STATUS") { return try self.status() }
            if self.matches(word, "SETMETADATA") { return .setMetadata(try self.setMetadata()) }
            if self.matches(word, "STARTTLS") { return .startTLS }
            if self.matches(word, "SETQUOTA") { return try self.setQuota() }
            if self.matches(word, "SETACL") { return try self.setACL() }
            if self.matches(word, "SUBSCRIBE") { return .subscribe(try self.mailboxArgument()) }
        case UInt8(ascii: "T"):
            if self.matches(word, "THREAD") { return .thread(try self.thread(.sequenceNumber)) }
        case UInt8(ascii: "U"):
            if self.matches(word, "UID") { return try self.uidCommand() }
            if self.matches(word, "UNSELECT") { return .unselect }
            if self.matches(word, "UIDBATCHES") { return .uidBatches(try self.uidBatches()) }
            if self.matches(word, "URLFETCH") { return try self.fetchURLs() }
            if self.matches(word, "UNAUTHENTICATE") { return .unauthenticate }
            if self.matches(word, "UNSUBSCRIBE") { return .unsubscribe(try self.mailboxArgument()) }
        case UInt8(ascii: "X"):
            if self.matches(word, "XLIST") { return try self.xlist() }
        default:
            break
        }
        throw SyntaxError(code: .unknownCommand, offset: word.lowerBound, expected: "a known command")
    }

    private mutating func uidCommand() throws(SyntaxError) -> Command {
        try self.space()
        let word = self.word()
        switch self.initial(word) {
        case UInt8(ascii: "C") where self.matches(word, "COPY"): return .copy(try self.copy(.uid))
        case UInt8(ascii: "E") where self.matches(word, "EXPUNGE"):
            try self.space()
            return .uidExpunge(try self.sequenceSet())
        // The examples of RFC 7377 have it with UID too.
        case UInt8(ascii: "E") where self.matches(word, "ESEARCH"): return .multiSearch(try self.multiSearch())
        case UInt8(ascii: "F") where self.matches(word, "FETCH"): return .fetch(try self.fetch(.uid))
        case UInt8(ascii: "F") where self.matches(word, "FILTER"): return .filter(try self.filter(.uid))
        case UInt8(ascii: "M") where self.matches(word, "MOVE"): return .move(try self.copy(.uid))
        case UInt8(ascii: "S") where self.matches(word, "STORE"): return .store(try self.store(.uid))
        case UInt8(ascii: "S") where self.matches(word, "SEARCH"): return .search(try self.search(.uid))
        case UInt8(ascii: "S") where self.matches(word, "SORT"): return .sort(try self.sort(.uid))
        case UInt8(ascii: "T") where self.matches(word, "THREAD"): return .thread(try self.thread(.uid))
        default:
            throw SyntaxError(
                code: .unknownCommand, offset: word.lowerBound,
                expected: "COPY, EXPUNGE, FETCH, FILTER, MOVE, SEARCH, SORT, STORE or THREAD after UID")
        }
    }
}
