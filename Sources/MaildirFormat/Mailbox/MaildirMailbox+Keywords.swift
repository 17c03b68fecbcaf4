import Glibc
import IndexedStore
import MailCore
import MailStore
import Synchronization

extension MaildirMailbox {
    /// The letters of keywords by what is known; reads the file when one of them is not.
    func knownLetters(_ keywords: [Keyword]) throws(StoreError) -> UInt32 {
        guard !keywords.isEmpty else { return 0 }
        return try self.state.withLock { (state) throws(StoreError) -> UInt32 in
            if keywords.contains(where: { state.keywords.number(of: $0) == nil }) {
                try self.refreshKeywords(&state, try self.textDirectory())
            }
            return state.keywords.letters(keywords)
        }
    }

    /// `knownLetters` as far as they are known without a look at the file, and without waiting for those who look.
    func lettersAtHand(_ keywords: [Keyword]) -> UInt32? {
        guard !keywords.isEmpty else { return 0 }
        return self.state.withLockIfAvailable { state in
            keywords.contains { state.keywords.number(of: $0) == nil } ? nil : state.keywords.letters(keywords)
        } ?? nil
    }

    /// The letters of keywords for a name about to be written: those without one get the next free letter, and
    /// the file says so before this returns. Keywords beyond the 26th have none.
    func lettersToWrite(_ keywords: [Keyword]) throws(StoreError) -> UInt32 {
        guard !keywords.isEmpty else { return 0 }
        return try self.state.withLock { (state) throws(StoreError) -> UInt32 in
            let directory = try self.textDirectory()
            try self.refreshKeywords(&state, directory)
            let missing = keywords.filter { state.keywords.number(of: $0) == nil }
            if !missing.isEmpty && state.keywords.names.contains(nil) || state.keywordsIdentity == nil {
                try self.changeKeywords(&state, directory) { file in
                    for keyword in missing { _ = file.add(keyword) }
                }
            }
            return state.keywords.letters(keywords)
        }
    }

    /// Reads `dovecot-keywords` when it is not the file last read. What is known stays when the file goes away: nobody
    /// takes names from letters, so it was lost, and the letters of the files' names still mean the same.
    func refreshKeywords(_ state: inout State, _ directory: DirectoryHandle) throws(StoreError) {
        guard let status = directory.status(Self.keywordsPath) else {
            state.keywordsIdentity = nil
            return
        }
        if state.keywordsIdentity == FileIdentity(status) { return }
        let content = try FileContent.read(Self.keywordsPath, in: directory)
        state.keywords = content.map { KeywordsFile($0.bytes) } ?? KeywordsFile()
        state.keywordsIdentity = content?.identity
    }

    /// Changes the file under the locks that Dovecot takes: the uidlist's, and the file's own.
    func changeKeywords(
        _ state: inout State, _ directory: DirectoryHandle, _ change: (inout KeywordsFile) -> Void
    ) throws(StoreError) {
        try DotLock.hold("dovecot-uidlist", in: directory, self.options) { () throws(StoreError) in
            let lock = try DotLock("dovecot-keywords", in: directory, self.options)
            let before = directory.status(Self.keywordsPath)
            try self.refreshKeywords(&state, directory)
            let old = state.keywords
            change(&state.keywords)
            guard state.keywords != old || before == nil && old != KeywordsFile() else { return }
            do throws(StoreError) {
                // Readers compare whole seconds only.
                try lock.replace(
                    with: state.keywords.encoded(), mode: self.fileMode(),
                    sync: self.options.syncTextFiles, laterThan: before.map { Int64($0.st_mtim.tv_sec) })
            } catch {
                state.keywords = old
                throw error
            }
            state.keywordsIdentity = directory.status(Self.keywordsPath).map { FileIdentity($0) }
        }
    }
}
