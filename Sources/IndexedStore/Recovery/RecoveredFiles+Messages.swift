internal import LMDB
internal import MailCore
internal import MailStore
internal import VolumeLog

/// Message files that records of the log say must be there.
extension RecoveredFiles {
    mutating func restore(
        _ noted: Noted, from log: VolumeLog, _ report: inout IndexedStore.OpenReport
    ) throws(StoreError) {
        switch try Self.record(at: noted.location, of: log) {
        case .added(let added): try self.restore(added, &report)
        case .copied(let copied): try self.restore(copied, from: log, &report)
        case .relocated(let relocated):
            guard let place = try self.place(relocated.key, relocated.uid) else { return }
            try place.restore(relocated.octets)
            report.checkedFiles += 1
        default: break
        }
    }

    /// The messages that a record put into files.
    static func messages(of noted: Noted, in log: VolumeLog) -> [(key: MailboxKey, uid: UID)] {
        switch try? Self.record(at: noted.location, of: log) {
        case .added(let added): added.targets.map { ($0.key, $0.message.uid) }
        case .copied(let copied): copied.messages.map { (copied.target, $0.message.uid) }
        case .relocated(let relocated): [(relocated.key, relocated.uid)]
        default: []
        }
    }

    private static func record(at location: RecordLocation, of log: VolumeLog) throws(StoreError)
        -> StoreRecord?
    {
        do throws(VolumeLogError) {
            if Int(location.length) > VolumeLog.largeBody {
                let payload = try log.map(location)
                return StoreRecord(kind: try log.info(at: location).kind, payload.octets, heldBy: payload)
            }
            let (info, payload) = try log.record(at: location)
            return payload.withUnsafeBytes { StoreRecord(kind: info.kind, $0) }
        } catch {
            throw StoreError(error)
        }
    }

    private mutating func restore(
        _ added: MessageAdded, _ report: inout IndexedStore.OpenReport
    ) throws(StoreError) {
        var failure: StoreError?
        for target in added.targets where !target.message.location.isInLog {
            do throws(StoreError) {
                guard let place = try self.place(target.key, target.message.uid) else { continue }
                try place.restore(added.octets)
                report.checkedFiles += 1
            } catch {
                // The other recipients do not wait for this one.
                failure = error
            }
        }
        if let failure { throw failure }
    }

    private mutating func restore(
        _ copied: MessagesCopied, from log: VolumeLog, _ report: inout IndexedStore.OpenReport
    ) throws(StoreError) {
        for row in copied.messages {
            guard !row.message.location.isInLog,
                let place = try self.place(copied.target, row.message.uid)
            else { continue }
            let message = Message(key: copied.target, uid: row.message.uid)
            let octets: MessageOctets?
            if let location = self.octets[message] {
                octets = try Self.record(at: location, of: log)?.body
            } else {
                octets = try self.sourceOctets(of: message, place.flags)
            }
            // Without any it is there, or was removed by another program, like any message file may be.
            guard let octets else { continue }
            try place.restore(octets)
            report.checkedFiles += 1
        }
    }

    /// The octets of the file that a copy was made of. They were on the disk before, and that file goes only after the
    /// copy is there (`CopySources`). The source may itself be a copy, and gone again with its row before its file was
    /// written; then its own source is there.
    ///
    /// A copy that is no link may have its name and not its octets.
    private mutating func sourceOctets(
        of copy: Message, _ flags: FileFlags
    ) throws(StoreError) -> MessageOctets? {
        var message = copy
        while let origin = self.origins[message] {
            message = origin.message
            guard let source = try self.mailbox(message.key),
                let owner = try self.account(message.key.account)?.identity
            else { continue }
            do throws(StoreError) {
                return try owner.asOwner { () throws(StoreError) in try source.read(origin.location, flags: flags) }
            } catch {
                guard error.code == .expunged || error.code == .notFound else { throw error }
            }
        }
        return nil
    }

    /// Adds the messages of whose files the copy is one.
    func addSources(of copy: Message, to sources: inout [MailboxKey: UIDSet]) {
        var message = copy
        while let origin = self.origins[message] {
            message = origin.message
            sources[message.key, default: []].insert(message.uid)
        }
    }

    private struct Place {
        var identity: AccountIdentity
        var files: any MailboxFiles
        var row: NewMessage
        var flags: FileFlags

        /// Writes the file if it is not there with all its octets.
        func restore(_ octets: MessageOctets) throws(StoreError) {
            try self.identity.asOwner { () throws(StoreError) in
                try self.files.restore(
                    octets, at: self.row.location, flags: self.flags, internalDate: self.row.internalDate)
            }
        }
    }

    /// Where a message belongs, if the index still has it.
    private mutating func place(_ key: MailboxKey, _ uid: UID) throws(StoreError) -> Place? {
        guard let row = try self.schema.rows(key, CollectionOfOne(uid)).first, !row.location.isInLog,
            let files = try self.mailbox(key), let account = try self.account(key.account)
        else { return nil }
        return Place(
            identity: account.identity, files: files, row: row,
            flags: try self.fileFlags(key, row.flags, row.keywords))
    }

    func fileFlags(
        _ key: MailboxKey, _ flags: MessageFlags, _ numbers: [UInt16]
    ) throws(StoreError) -> FileFlags {
        if numbers.isEmpty { return FileFlags(flags) }
        let schema = self.schema
        let names = try schema.read { (transaction) throws(LMDBError) -> [Keyword] in
            var names: [Keyword] = []
            for number in numbers {
                guard let value = try transaction.get(schema.keywords, IndexSchema.key(key, keyword: number)),
                    let keyword = Keyword(String(decoding: value, as: UTF8.self))
                else { continue }
                names.append(keyword)
            }
            return names
        }
        return FileFlags(flags, names)
    }
}
