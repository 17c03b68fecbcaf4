import IMAPCore
import MIMECore
import MailCore
import MailStore
import ServerCore

extension Session {
    /// The command's key with its strings in UTF-8 and the keys of its filters; `nil` when the command has been refused
    /// because of its charset, of a text that is none in it, or of a filter.
    func searchKey(
        _ tag: Tag, _ command: SearchCommand, _ expunges: ExpungeTelling
    ) async throws(ConnectionError) -> SearchKey? {
        if command.key.hasFilters { return try await self.searchKey(withFilters: tag, command, expunges) }
        guard let charset = command.charset, !SearchCharset.isUTF8(charset) else { return command.key }
        guard CharsetConverter.system.knows(charset) else {
            self.forgetSavedResult(command)
            try await self.refuse(tag, .badCharset(SearchCharset.names), "Unknown charset", expunges)
            return nil
        }
        guard let key = command.key.replacingStrings({ SearchCharset.text($0, charset) }) else {
            self.forgetSavedResult(command)
            try await self.refuse(tag, nil, "A search text is not in its charset", expunges)
            return nil
        }
        return key
    }

    private func searchKey(
        withFilters tag: Tag, _ command: SearchCommand, _ expunges: ExpungeTelling
    ) async throws(ConnectionError) -> SearchKey? {
        // Filters are in UTF-8, and so must be what stands beside them (RFC 5466 section 3.1).
        if let charset = command.charset, !SearchCharset.isUTF8(charset) {
            self.forgetSavedResult(command)
            self.write { $0.tagged(tag, .bad, .badCharset(Array("US-ASCII UTF-8".utf8)), "Filters are in UTF-8") }
            return nil
        }
        var metadata: [Metadata] = []
        do throws(StoreError) {
            if self.settings.offersMetadata { metadata = try await self.account?.metadata(of: .server) ?? [] }
        } catch {
            self.forgetSavedResult(command)
            try await self.refuse(tag, error, expunges)
            return nil
        }
        do throws(SearchFilters.Failure) {
            let filters = SearchFilters(metadata, limits: self.settings.commandLimits)
            let key = try filters.replaced(in: command.key).replacingSavedResult(self.savedResult)
            guard self.usesUIDsOnly, key.namesSequenceNumbers else { return key }
            self.forgetSavedResult(command)
            self.bad(tag, .uidRequired, "A filter has sequence numbers")
            return nil
        } catch {
            self.forgetSavedResult(command)
            switch error {
            case .undefined(let name):
                try await self.refuse(tag, .undefinedFilter(name), "No such filter", expunges)
            case .tooComplex:
                try await self.refuse(tag, .limit, "Too many search keys in filters", expunges)
            }
            return nil
        }
    }

    /// Whether the command may have the charset that it has; else writes the BAD. To SORT and THREAD this does not apply:
    /// their grammar wants one.
    func mayNameCharset(_ tag: Tag, _ command: SearchCommand) -> Bool {
        // RFC 6855 section 3: all strings are UTF-8 by then.
        guard self.acceptsUTF8, command.charset != nil else { return true }
        self.bad(tag, "Expected no CHARSET after ENABLE UTF8=ACCEPT")
        return false
    }
}
