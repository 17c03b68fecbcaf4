internal import MailCore
internal import MailStore
internal import VolumeLog

/// Reading payloads, as Documentation/volume-log-records.md has them.
extension StoreRecord {
    /// `nil` for an unknown kind, a higher version, or damage.
    ///
    /// - Parameter owner: as long as it is referred to, the payload stays where it is, so that the octets of a message
    ///   need no copy.
    init?(kind: UInt8, _ payload: UnsafeRawBufferPointer, heldBy owner: (any AnyObject & Sendable)? = nil) {
        var reader = ByteReader(payload)
        guard let kind = Kind(rawValue: kind), let version = reader.readLittleEndian(UInt8.self),
            version == Self.version, let record = Self.read(kind, &reader, owner)
        else { return nil }
        self = record
    }

    private static func octets(
        _ octets: UnsafeRawBufferPointer, _ owner: (any AnyObject & Sendable)?
    ) -> MessageOctets {
        owner.map { MessageOctets(octets, heldBy: $0) } ?? MessageOctets(Array(octets))
    }

    private static func read(
        _ kind: Kind, _ reader: inout ByteReader, _ owner: (any AnyObject & Sendable)?
    ) -> StoreRecord? {
        switch kind {
        case .account:
            guard let id = reader.readLittleEndian(UInt32.self), let identity = reader.readIdentity() else {
                return nil
            }
            return .account(AccountSet(id: id, identity: identity))
        case .mailboxCreated:
            return self.readCreated(&reader)
        case .mailboxDeleted:
            guard let key = reader.readKey(), let name = reader.readName() else { return nil }
            return .mailboxDeleted(key, name: name)
        case .mailboxesRenamed:
            guard let account = reader.readLittleEndian(UInt32.self), let count = reader.readCount(of: 6)
            else { return nil }
            var mailboxes: [Renamed] = []
            for _ in 0..<count {
                guard let mailbox = reader.readLittleEndian(UInt32.self), let old = reader.readName(),
                    let new = reader.readName()
                else { return nil }
                mailboxes.append(Renamed(mailbox: mailbox, old: old, new: new))
            }
            return .mailboxesRenamed(account: account, mailboxes)
        case .subscription:
            guard let account = reader.readLittleEndian(UInt32.self), let name = reader.readName(),
                let isSubscribed = reader.readLittleEndian(UInt8.self)
            else { return nil }
            return .subscription(account: account, name, isSubscribed: isSubscribed != 0)
        case .metadata:
            return self.readMetadata(&reader)
        case .accessList:
            guard let key = reader.readKey(),
                let origin = reader.readLittleEndian(UInt8.self).flatMap(AccessListSet.Origin.init(rawValue:)),
                let text = reader.readBytes(reader.remaining)
            else { return nil }
            return .accessList(AccessListSet(key: key, origin: origin, text: Array(text)))
        case .added, .delivered, .addedPacked, .deliveredPacked:
            return self.readAdded(kind, &reader, owner)
        case .outgoingChanged:
            return reader.readOutgoingChanged().map { .outgoingChanged($0) }
        case .found:
            return self.readFound(&reader)
        case .copied:
            return self.readCopied(&reader)
        case .flagged:
            return self.readFlagged(&reader)
        case .vanished:
            guard let key = reader.readKey(), let modSeq = reader.readVarint(), let uids = reader.readUIDSet()
            else { return nil }
            return .vanished(key, ModSeq(rawValue: modSeq), uids)
        case .recent:
            guard let key = reader.readKey(), let first = reader.readLittleEndian(UInt32.self) else {
                return nil
            }
            return .recent(key, firstRecent: first)
        case .keywords:
            guard let key = reader.readKey(), let keywords = reader.readNewKeywords() else { return nil }
            return .keywords(key, keywords)
        case .privateFlagged:
            return PrivateFlagsChanged(&reader).map { .privateFlagged($0) }
        case .bodyMoved, .bodyMovedPacked:
            guard let id = reader.readLittleEndian(UInt64.self), let octets = reader.readBytes(reader.remaining)
            else { return nil }
            return .bodyMoved(
                BodyMoved(
                    id: BodyID(rawValue: id), octets: Self.octets(octets, owner), isPacked: kind == .bodyMovedPacked))
        case .relocated:
            return self.readRelocated(&reader, owner)
        case .traced:
            return reader.readBytes(reader.remaining).map { .traced(Array($0)) }
        case .eventNoted:
            return RecordedEvent(&reader).map { .eventNoted($0) }
        case .eventDone:
            guard let id = reader.readLittleEndian(UInt64.self), let parts = reader.readLittleEndian(UInt8.self)
            else { return nil }
            return .eventDone(id: id, parts: parts)
        case .checkpoint:
            return CheckpointPart(&reader).map { .checkpoint($0) }
        case .closed:
            return reader.readLittleEndian(UInt64.self).map { .closed(filesSynced: LogSequence(rawValue: $0)) }
        case .restarted:
            return reader.readLittleEndian(UInt64.self).map { .restarted(count: $0) }
        case .quotaLimits:
            guard let account = reader.readLittleEndian(UInt32.self), let limits = reader.readQuotaLimits()
            else { return nil }
            return .quotaLimits(account: account, limits.value)
        case .accountArrived:
            guard let id = reader.readLittleEndian(UInt32.self), let octets = reader.readBytes(reader.remaining),
                let row = AccountRow(octets)
            else { return nil }
            return .accountArrived(AccountArrived(id: id, row: row))
        case .accountLeft:
            return reader.readLittleEndian(UInt32.self).map { .accountLeft(account: $0) }
        }
    }

    private static func readMetadata(_ reader: inout ByteReader) -> StoreRecord? {
        guard let key = reader.readKey(), let count = reader.readCount(of: 2) else { return nil }
        var changes: [MetadataChange] = []
        for _ in 0..<count {
            guard let entry = reader.readText().flatMap({ MetadataEntry($0) }), let length = reader.readVarint(),
                length <= UInt64(reader.remaining) + 1
            else { return nil }
            var value: [UInt8]?
            if length > 0 {
                guard let octets = reader.readBytes(Int(length - 1)) else { return nil }
                value = Array(octets)
            }
            changes.append(MetadataChange(entry, value))
        }
        return .metadata(MetadataSet(key: key, changes: changes))
    }

    private static func readCreated(_ reader: inout ByteReader) -> StoreRecord? {
        guard let key = reader.readKey(), let name = reader.readName(),
            let uidValidity = reader.readLittleEndian(UInt32.self).flatMap(UIDValidity.init(rawValue:)),
            let uidNext = reader.readUID(), let guid = reader.readText(), let modSeq = reader.readVarint(),
            let specialUse = reader.readText()
        else { return nil }
        return .mailboxCreated(
            MailboxCreated(
                key: key, name: name,
                header: MailboxHeader(uidValidity: uidValidity, uidNext: uidNext, guid: guid),
                highestModSeq: ModSeq(rawValue: modSeq), specialUse: SpecialUse(rawValue: specialUse)))
    }

    private static func readAdded(
        _ kind: Kind, _ reader: inout ByteReader, _ owner: (any AnyObject & Sendable)?
    ) -> StoreRecord? {
        guard let count = reader.readCount(of: 20) else { return nil }
        var targets: [MessageAdded.Target] = []
        for _ in 0..<count {
            guard let key = reader.readKey(), let keywords = reader.readNewKeywords(),
                let message = reader.readMessage()
            else { return nil }
            targets.append(MessageAdded.Target(key: key, newKeywords: keywords, message: message))
        }
        var effects = RecordedEffects()
        if kind == .delivered || kind == .deliveredPacked {
            guard let read = RecordedEffects(&reader) else { return nil }
            effects = read
        }
        guard let octets = reader.readBytes(reader.remaining) else { return nil }
        return .added(
            MessageAdded(
                targets: targets, effects: effects, octets: Self.octets(octets, owner),
                isPacked: kind == .addedPacked || kind == .deliveredPacked))
    }

    private static func readRelocated(
        _ reader: inout ByteReader, _ owner: (any AnyObject & Sendable)?
    ) -> StoreRecord? {
        guard let key = reader.readKey(), let uid = reader.readUID(),
            let oldLength = reader.readCount(of: 1), let old = reader.readBytes(oldLength).map({ Array($0) }),
            let newLength = reader.readCount(of: 1), let new = reader.readBytes(newLength).map({ Array($0) }),
            let flags = reader.readLittleEndian(UInt8.self), let keywords = reader.readKeywordNumbers(),
            let internalDate = reader.readLittleEndian(Int64.self), let guid = reader.readText(),
            let octets = reader.readBytes(reader.remaining)
        else { return nil }
        return .relocated(
            MessageRelocated(
                key: key, uid: uid, old: BodyLocation(old), new: BodyLocation(new),
                flags: MessageFlags(rawValue: flags), keywords: keywords, internalDate: internalDate, guid: guid,
                octets: Self.octets(octets, owner)))
    }

    private static func readFound(_ reader: inout ByteReader) -> StoreRecord? {
        guard let key = reader.readKey(), let keywords = reader.readNewKeywords(),
            let uidNext = reader.readUID(),
            let count = reader.readCount(of: 20)
        else { return nil }
        var messages: [NewMessage] = []
        messages.reserveCapacity(count)
        for _ in 0..<count {
            guard let message = reader.readMessage() else { return nil }
            messages.append(message)
        }
        return .found(MessagesFound(key: key, newKeywords: keywords, uidNext: uidNext, messages: messages))
    }

    private static func readCopied(_ reader: inout ByteReader) -> StoreRecord? {
        guard let source = reader.readKey(), let vanished = reader.readVarint(),
            let target = reader.readKey(),
            let keywords = reader.readNewKeywords(), let count = reader.readCount(of: 20)
        else { return nil }
        var messages: [MessagesCopied.Row] = []
        messages.reserveCapacity(count)
        for _ in 0..<count {
            guard let uid = reader.readUID(), let length = reader.readCount(of: 1),
                let location = reader.readBytes(length), let message = reader.readMessage()
            else { return nil }
            messages.append(
                MessagesCopied.Row(
                    source: uid, sourceLocation: BodyLocation(Array(location)), message: message))
        }
        return .copied(
            MessagesCopied(
                source: source, vanishedModSeq: vanished == 0 ? nil : ModSeq(rawValue: vanished),
                target: target,
                newKeywords: keywords, messages: messages))
    }

    private static func readFlagged(_ reader: inout ByteReader) -> StoreRecord? {
        guard let key = reader.readKey(), let modSeq = reader.readVarint(),
            let origin = reader.readLittleEndian(UInt8.self).flatMap(FlagsChanged.Origin.init(rawValue:)),
            let keywords = reader.readNewKeywords(), let count = reader.readCount(of: 6)
        else { return nil }
        var rows: [FlagsChanged.Row] = []
        rows.reserveCapacity(count)
        for _ in 0..<count {
            guard let uid = reader.readUID(), let flags = reader.readLittleEndian(UInt8.self),
                let numbers = reader.readKeywordNumbers()
            else { return nil }
            rows.append(FlagsChanged.Row(uid: uid, flags: MessageFlags(rawValue: flags), keywords: numbers))
        }
        return .flagged(
            FlagsChanged(
                key: key, modSeq: ModSeq(rawValue: modSeq), origin: origin, newKeywords: keywords, rows: rows)
        )
    }
}
