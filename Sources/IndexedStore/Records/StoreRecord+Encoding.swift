internal import MailCore
internal import MailStore
internal import VolumeLog

/// Writing payloads, as Documentation/volume-log-records.md has them.
extension StoreRecord {
    func encode(into out: inout [UInt8]) {
        self.encodeHead(into: &out)
        self.body?.withUnsafeBytes { out.append(contentsOf: $0) }
    }

    /// The octets that the payload ends with, where a record has some.
    var body: MessageOctets? {
        switch self {
        case .added(let added): added.octets
        case .bodyMoved(let moved): moved.octets
        case .relocated(let relocated): relocated.octets
        default: nil
        }
    }

    /// The payload up to the body.
    func encodeHead(into out: inout [UInt8]) {
        out.append(Self.version)
        switch self {
        case .account(let set):
            out.appendLittleEndian(set.id)
            out.appendIdentity(set.identity)
        case .mailboxCreated(let created):
            out.append(created.key)
            out.appendText(created.name.text)
            out.appendLittleEndian(created.header.uidValidity.rawValue)
            out.appendLittleEndian(created.header.uidNext.rawValue)
            out.appendText(created.header.guid)
            out.appendVarint(created.highestModSeq.rawValue)
            out.appendText(created.specialUse?.rawValue ?? "")
        case .mailboxDeleted(let key, let name):
            out.append(key)
            out.appendText(name.text)
        case .mailboxesRenamed(let account, let mailboxes):
            out.appendLittleEndian(account)
            out.appendVarint(UInt64(mailboxes.count))
            for renamed in mailboxes {
                out.appendLittleEndian(renamed.mailbox)
                out.appendText(renamed.old.text)
                out.appendText(renamed.new.text)
            }
        case .subscription(let account, let name, let isSubscribed):
            out.appendLittleEndian(account)
            out.appendText(name.text)
            out.append(isSubscribed ? 1 : 0)
        case .metadata(let set):
            out.append(set.key)
            out.appendVarint(UInt64(set.changes.count))
            for change in set.changes {
                out.appendText(change.entry.text)
                // 0: removed; else one more than the value's octets.
                out.appendVarint(change.value.map { UInt64($0.count) + 1 } ?? 0)
                if let value = change.value { out.append(contentsOf: value) }
            }
        case .accessList(let set):
            out.append(set.key)
            out.append(set.origin.rawValue)
            out.append(contentsOf: set.text)
        case .added(let added):
            out.appendVarint(UInt64(added.targets.count))
            for target in added.targets {
                out.append(target.key)
                out.append(target.newKeywords)
                out.append(target.message)
            }
            if !added.effects.isEmpty { added.effects.encode(into: &out) }
        case .outgoingChanged(let changed):
            out.append(changed)
        case .found(let found):
            out.append(found.key)
            out.append(found.newKeywords)
            out.appendLittleEndian(found.uidNext.rawValue)
            out.appendVarint(UInt64(found.messages.count))
            for message in found.messages { out.append(message) }
        case .copied(let copied):
            out.append(copied.source)
            out.appendVarint(copied.vanishedModSeq?.rawValue ?? 0)
            out.append(copied.target)
            out.append(copied.newKeywords)
            out.appendVarint(UInt64(copied.messages.count))
            for row in copied.messages {
                out.appendLittleEndian(row.source.rawValue)
                out.appendVarint(UInt64(row.sourceLocation.bytes.count))
                out.append(contentsOf: row.sourceLocation.bytes)
                out.append(row.message)
            }
        case .flagged(let change):
            out.append(change.key)
            out.appendVarint(change.modSeq.rawValue)
            out.append(change.origin.rawValue)
            out.append(change.newKeywords)
            out.appendVarint(UInt64(change.rows.count))
            for row in change.rows {
                out.appendLittleEndian(row.uid.rawValue)
                out.append(row.flags.rawValue)
                out.append(keywordNumbers: row.keywords)
            }
        case .privateFlagged(let change):
            change.encode(into: &out)
        case .vanished(let key, let modSeq, let uids):
            out.append(key)
            out.appendVarint(modSeq.rawValue)
            out.append(uids)
        case .recent(let key, let firstRecent):
            out.append(key)
            out.appendLittleEndian(firstRecent)
        case .keywords(let key, let keywords):
            out.append(key)
            out.append(keywords)
        case .bodyMoved(let moved):
            out.appendLittleEndian(moved.id.rawValue)
        case .relocated(let relocated):
            out.append(relocated.key)
            out.appendLittleEndian(relocated.uid.rawValue)
            for location in [relocated.old, relocated.new] {
                out.appendVarint(UInt64(location.bytes.count))
                out.append(contentsOf: location.bytes)
            }
            out.append(relocated.flags.rawValue)
            out.append(keywordNumbers: relocated.keywords)
            out.appendLittleEndian(relocated.internalDate)
            out.appendText(relocated.guid)
        case .traced(let octets):
            out.append(contentsOf: octets)
        case .eventNoted(let noted):
            noted.encode(into: &out)
        case .eventDone(let id, let parts):
            out.appendLittleEndian(id)
            out.append(parts)
        case .checkpoint(let part):
            part.encode(into: &out)
        case .closed(let synced):
            out.appendLittleEndian(synced.rawValue)
        case .restarted(let count):
            out.appendLittleEndian(count)
        case .quotaLimits(let account, let limits):
            out.appendLittleEndian(account)
            out.append(limits)
        case .accountArrived(let arrived):
            out.appendLittleEndian(arrived.id)
            out.append(contentsOf: arrived.row.encode())
        case .accountLeft(let account):
            out.appendLittleEndian(account)
        }
    }
}
