import Glibc
import IndexedStore
import MailCore
import MailStore
import Synchronization

extension MaildirMailbox {
    func scan() throws(StoreError) -> MailboxScan { try self.scan(nil) }

    func scan(besides known: KnownMessages) throws(StoreError) -> MailboxScan { try self.scan(known) }

    private func scan(_ known: KnownMessages?) throws(StoreError) -> MailboxScan {
        let directory = try self.currentDirectory()
        if self.isInbox {
            try self.account.completeInbox(directory)
        } else if try !directory.hasDirectory(RelativePath("cur")) {
            // Somebody removes it, and we must not make again what is removed.
            throw StoreError(.notFound, "\(self.pathText) is no Maildir any more")
        }
        let texts = self.controlPath == nil ? directory : try self.textDirectory()
        let isFirst = self.state.withLock { state in
            defer { state.sweptTemporary = true }
            return !state.sweptTemporary
        }
        if isFirst { self.sweepTemporary(directory) }
        let (listing, content) = try self.consistentFiles(directory, texts)
        var list = content.map { content in
            UIDListFile(content.bytes) { listing.find($0) != nil }
        }
        if listing.repeated > 0 {
            self.options.report("\(self.pathText): \(listing.repeated) files share the name of another")
        }
        var entryOfRow = list.map { listing.entriesOfRows($0) } ?? []
        // Not held while directories are listed: `read` may need the keywords.
        let keywords = try self.state.withLock { (state) throws(StoreError) -> KeywordsFile in
            if let found = list {
                list = try self.tidied(found, content?.identity, listing, &entryOfRow, &state, texts)
            }
            try self.refreshKeywords(&state, texts)
            try self.nameLetters(of: listing, &state, texts)
            return state.keywords
        }
        if !listing.entries.isEmpty { self.account.noteMail(self.isInbox ? .inbox : .mailboxes) }
        return self.assemble(listing, list, entryOfRow, keywords, directory, known)
    }

    /// The names of files and the list of UIDs, both of one time: a row that another program wrote while the
    /// directories were listed would be one without a file. Tried four times.
    private func consistentFiles(
        _ directory: DirectoryHandle, _ texts: DirectoryHandle
    ) throws(StoreError) -> (MaildirListing, (bytes: [UInt8], identity: FileIdentity)?) {
        var rounds = 0
        while true {
            var content = try FileContent.read(Self.uidListPath, in: texts, limit: FileContent.uidListLimit)
            if content == nil { content = try self.courierList(texts) }
            let listing = try MaildirListing(directory)
            let now = texts.status(Self.uidListPath).map { FileIdentity($0) }
            rounds += 1
            // The list was read first: then a file without a row yet is new, at worst, and none seems lost.
            if now == content?.identity || now == nil || rounds == 4 { return (listing, content) }
        }
    }

    /// Courier's list, which is like version 1 of Dovecot's: for a mailbox that had no other server since.
    private func courierList(
        _ texts: DirectoryHandle
    ) throws(StoreError) -> (bytes: [UInt8], identity: FileIdentity)? {
        let content = try FileContent.read(Self.courierListPath, in: texts, limit: FileContent.uidListLimit)
        guard let content, content.bytes.first == 0x31 else {
            return nil
        }
        return content
    }

    // MARK: The list of UIDs

    /// How much of what was wrong with a list one line tells.
    private static let toldRepairs = 20

    /// Repairs the file where it needs it, and reports what was wrong.
    ///
    /// - Parameter entryOfRow: of the list's rows before, and of the answer's rows after.
    private func tidied(
        _ list: UIDListFile, _ identity: FileIdentity?, _ listing: MaildirListing, _ entryOfRow: inout [Int32],
        _ state: inout State, _ directory: DirectoryHandle
    ) throws(StoreError) -> UIDListFile {
        if !list.repairs.isEmpty {
            let told = list.repairs.prefix(Self.toldRepairs).map { "\($0)" }.joined(separator: ", ")
            let untold = list.repairs.count - Self.toldRepairs
            let what = untold > 0 ? "\(told), and \(untold) more" : told
            self.options.report(
                "\(self.pathText)/dovecot-uidlist repaired, UIDs kept where unambiguous: \(what)")
        }
        let dead = entryOfRow.count { $0 < 0 }
        let isSparse = dead > 64 && dead > list.rows.count / 4
        // A list without UIDVALIDITY waits for the one the engine will give.
        guard list.needsRewrite || isSparse, list.uidValidity != 0 else { return list }
        var tidy = list
        let tidyText = tidy.text
        if tidy.guid == nil { tidy.guid = MailboxGUID.make() }
        do throws(StoreError) {
            try DotLock.hold("dovecot-uidlist", in: directory, self.options) { () throws(StoreError) in
                // Only what was read is rewritten; with a newer file the next scan does it.
                let path = directory.status(Self.uidListPath) ?? directory.status(Self.courierListPath)
                guard path.map({ FileIdentity($0) }) == identity else { return }
                if isSparse {
                    tidy.next = tidy.realNext
                    tidy.filter { row in
                        tidyText[row.name].withUnsafeBytes { listing.find($0) != nil }
                    }
                }
                try self.rewrite(tidy, &state, directory)
            }
        } catch {
            self.options.report("\(self.pathText)/dovecot-uidlist cannot be rewritten: \(error)")
        }
        if tidy.rows.count != entryOfRow.count { entryOfRow = listing.entriesOfRows(tidy) }
        return tidy
    }

    // MARK: Keywords

    /// Writes down a name for each letter in use that has none, before anybody gives the letter to a keyword.
    private func nameLetters(
        of listing: MaildirListing, _ state: inout State, _ directory: DirectoryHandle
    ) throws(StoreError) {
        var letters: UInt32 = 0
        listing.names.withUnsafeBytes { bytes in
            for entry in listing.entries where entry.name.count > entry.baseLength {
                letters |= MaildirFilename(UnsafeRawBufferPointer(rebasing: bytes[entry.name])).keywordLetters
            }
        }
        let named = state.keywords.names
        let unnamed = (0..<KeywordsFile.capacity).contains {
            letters >> UInt32($0) & 1 == 1 && named[$0] == nil
        }
        // A file that was lost is written again with what is known of it.
        guard unnamed || letters != 0 && state.keywordsIdentity == nil else { return }
        do throws(StoreError) {
            try self.changeKeywords(&state, directory) { $0.nameUnknown(letters) }
        } catch {
            // Without a name the letters stay in the file names and are shown to nobody.
            self.options.report("\(self.pathText)/dovecot-keywords cannot be written: \(error)")
        }
    }

    // MARK: Messages

    /// - Parameter entryOfRow: where the rows' files are in the listing; -1 for none.
    private func assemble(
        _ listing: MaildirListing, _ list: UIDListFile?, _ entryOfRow: [Int32], _ keywords: KeywordsFile,
        _ directory: DirectoryHandle, _ known: KnownMessages?
    ) -> MailboxScan {
        let header = list.flatMap { Self.header($0) }
        let showable = (0..<KeywordsFile.capacity).compactMap { keywords.keyword($0) }
        var comparison: KnownMessages.Comparison?
        if let known, header?.uidValidity == known.uidValidity {
            comparison = KnownMessages.Comparison(known, showable: showable)
        }
        let lastKnown = known?.last?.rawValue ?? 0
        var messages: [FoundMessage] = []
        if known == nil { messages.reserveCapacity(listing.entries.count) }
        var hasRow = [Bool](repeating: false, count: listing.entries.count)
        listing.names.withUnsafeBytes { names in
            if let list {
                list.text.withUnsafeBytes { text in
                    for (row, number) in zip(list.rows, entryOfRow.lazy.map(Int.init)) where number >= 0 {
                        let name = UnsafeRawBufferPointer(rebasing: text[row.name])
                        hasRow[number] = true
                        let entry = listing.entries[number]
                        let uid = UID(rawValue: row.uid)
                        if let uid, Self.isUnchanged(uid, name, names[entry.name], keywords, &comparison) { continue }
                        guard
                            var message = self.message(
                                entry, names, keywords, directory, isKnown: row.uid <= lastKnown)
                        else { continue }
                        message.uid = uid
                        if !row.extras.isEmpty { Self.apply(row, of: list, to: &message) }
                        messages.append(message)
                    }
                }
            }
            var fresh: [(time: DeliveryTime, entry: MaildirListing.Entry)] = []
            for (number, entry) in listing.entries.enumerated() where !hasRow[number] {
                let base = UnsafeRawBufferPointer(rebasing: names[MaildirListing.base(entry)])
                fresh.append((DeliveryTime(base), entry))
            }
            fresh.sort { a, b in
                if a.time != b.time { return a.time < b.time }
                return names[MaildirListing.base(a.entry)].lexicographicallyPrecedes(
                    names[MaildirListing.base(b.entry)])
            }
            for (_, entry) in fresh {
                if let message = self.message(entry, names, keywords, directory, isKnown: false) {
                    messages.append(message)
                }
            }
        }
        var scan = MailboxScan(header: header, messages: messages, keywords: showable)
        if let comparison { scan.unchanged = comparison.unchanged }
        return scan
    }

    private static func isUnchanged(
        _ uid: UID, _ base: UnsafeRawBufferPointer, _ name: Slice<UnsafeRawBufferPointer>, _ keywords: KeywordsFile,
        _ comparison: inout KnownMessages.Comparison?
    ) -> Bool {
        let name = MaildirFilename(UnsafeRawBufferPointer(rebasing: name))
        let isUnchanged = comparison?.agrees(uid, base, name.flags, keywords: name.keywordLetters) {
            keywords.keywords(name.keywordLetters)
        }
        return isUnchanged ?? false
    }

    private static func header(_ list: UIDListFile) -> MailboxHeader? {
        guard let validity = UIDValidity(rawValue: list.uidValidity), let next = UID(rawValue: list.realNext),
            let guid = list.guid
        else { return nil }
        return MailboxHeader(uidValidity: validity, uidNext: next, guid: guid)
    }

    /// What a file's name and status tell; `nil` when it is no regular file or gone by now.
    private func message(
        _ entry: MaildirListing.Entry, _ names: UnsafeRawBufferPointer, _ keywords: KeywordsFile,
        _ directory: DirectoryHandle, isKnown: Bool
    ) -> FoundMessage? {
        let whole = UnsafeRawBufferPointer(rebasing: names[entry.name])
        let base = UnsafeRawBufferPointer(rebasing: names[MaildirListing.base(entry)])
        let name = MaildirFilename(whole)
        let flags = FileFlags(name.flags, keywords.keywords(name.keywordLetters))
        let size = MaildirFilename.size(UInt8(ascii: "W"), in: base).flatMap { UInt32(exactly: $0) }
        var date: Int64 = 0
        if !isKnown {
            var status = directory.status(RelativePath(entry.folder, whole))
            // Renamed since the listing, perhaps once more while we look.
            for _ in 0..<16 where status == nil {
                guard let found = try? self.find(Array(base), in: directory) else { return nil }
                status = directory.status(found.path)
            }
            if let status {
                guard status.st_mode & S_IFMT == S_IFREG else { return nil }
                date = Int64(status.st_mtim.tv_sec)
            } else {
                date = Int64(clamping: DeliveryTime(base).seconds)
            }
        }
        return FoundMessage(
            location: BodyLocation(Array(base)), uid: nil, flags: flags, internalDate: date, size: size)
    }

    /// Takes over what a row tells beside the UID.
    private static func apply(_ row: UIDListFile.Row, of list: UIDListFile, to message: inout FoundMessage) {
        func text(_ key: Unicode.Scalar) -> String? {
            list.value(UInt8(ascii: key), of: row).flatMap { String(validating: $0, as: UTF8.self) }
        }
        if message.size == nil { message.size = text("W").flatMap { UInt32($0) } }
        message.guid = text("G").flatMap { $0.isEmpty ? nil : $0 }
        message.pop3UIDL = text("P").flatMap { $0.isEmpty ? nil : $0 }
        message.pop3Order = text("O").flatMap { UInt32($0) }
    }

    // MARK: tmp/

    /// Removes what lies in `tmp/` for more than 36 hours, as the Maildir specification asks.
    private func sweepTemporary(_ directory: DirectoryHandle) {
        let oldest = self.options.clock().seconds - 36 * 3_600
        var stale: [RelativePath] = []
        try? directory.forEachName(in: RelativePath("tmp")) { name in
            let path = RelativePath(.tmp, name)
            if let status = directory.status(path), status.st_mode & S_IFMT == S_IFREG,
                Int64(max(status.st_ctim.tv_sec, status.st_atim.tv_sec)) < oldest
            {
                stale.append(path)
            }
            return stale.count < 10_000
        }
        for path in stale { _ = directory.unlink(path) }
    }
}
