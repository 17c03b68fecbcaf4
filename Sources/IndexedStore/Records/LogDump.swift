internal import MailCore
internal import MailStore
public import VolumeLog

/// The records of a volume's log in words, for people and for programs that read over their shoulders.
public enum LogDump {
    /// One record or one stretch that cannot be read.
    public struct Row: Sendable {
        /// 0 where it is not known.
        public var sequence: UInt64
        public var segment: UInt32
        /// Octets from the beginning of the segment file.
        public var offset: UInt64
        /// Octets of payload, or of what cannot be read.
        public var octets: UInt64
        /// A word for the kind of record.
        public var kind: String
        /// The account's number; empty when the record is of none, or of several.
        public var account: String
        /// The mailbox's number in the account.
        public var mailbox: String
        /// What the record says, as `name=value` words.
        public var text: String
    }

    public static let columns = ["sequence", "segment", "offset", "octets", "kind", "account", "mailbox", "text"]

    /// Reads the log in a directory and calls `visit` with each row; `false` stops. No lock is taken.
    ///
    /// - Parameters:
    ///   - segment: only this one; 0 for files in which nothing can be read.
    ///   - first: the first record that is of interest.
    public static func run(
        directory: String, segment: UInt32? = nil, from first: LogSequence = .first,
        _ visit: (Row) throws -> Bool
    ) throws {
        let reader = try LogReader(directory: directory)
        for (index, part) in reader.segments.enumerated() {
            if let segment, part.number != segment { continue }
            if index + 1 < reader.segments.count, reader.segments[index + 1].firstSequence <= first,
                reader.segments[index + 1].number == part.number + 1
            {
                continue
            }
            var goesOn = true
            let report = try reader.read(part) { logged in
                guard logged.sequence >= first else { return .next }
                goesOn = try visit(Self.row(logged))
                return goesOn ? .next : .stop
            }
            guard goesOn else { return }
            for damage in report.damages {
                let lost = damage.lost.map { "lost=\($0.lowerBound)-\($0.upperBound)" } ?? ""
                let row = Row(
                    sequence: 0, segment: damage.segment, offset: damage.offset, octets: damage.length,
                    kind: "damage", account: "", mailbox: "", text: lost)
                guard try visit(row) else { return }
            }
        }
        for name in reader.unreadable where segment ?? 0 == 0 {
            let row = Row(
                sequence: 0, segment: 0, offset: 0, octets: 0, kind: "unreadable", account: "", mailbox: "",
                text: "file=\(name)")
            guard try visit(row) else { return }
        }
    }

    private static func row(_ logged: LogRecord) -> Row {
        var row = Row(
            sequence: logged.sequence.rawValue, segment: logged.location.segment, offset: logged.location.offset,
            octets: UInt64(logged.payload.count), kind: "unknown", account: "", mailbox: "",
            text: "kind=\(logged.kind)")
        guard let record = StoreRecord(kind: logged.kind, logged.payload) else { return row }
        row.kind = "\(record.kind)"
        row.text = ""
        Self.describe(record, &row)
        return row
    }

    private static func describe(_ record: StoreRecord, _ row: inout Row) {
        func place(_ key: MailboxKey) {
            row.account = "\(key.account)"
            row.mailbox = "\(key.mailbox)"
        }
        switch record {
        case .account(let set):
            row.account = "\(set.id)"
            row.text = "name=\(set.identity.name) driver=\(set.identity.driver) path=\(set.identity.mailPath)"
        case .mailboxCreated(let created):
            place(created.key)
            row.text =
                "uidvalidity=\(created.header.uidValidity.rawValue) uidnext=\(created.header.uidNext.rawValue) "
                + "modseq=\(created.highestModSeq.rawValue) guid=\(created.header.guid) name=\(created.name)"
        case .mailboxDeleted(let key, let name):
            place(key)
            row.text = "name=\(name)"
        case .mailboxesRenamed(let account, let mailboxes):
            row.account = "\(account)"
            row.text = mailboxes.map { "\($0.mailbox): \($0.old) -> \($0.new)" }.joined(separator: ", ")
        case .subscription(let account, let name, let isSubscribed):
            row.account = "\(account)"
            row.text = "subscribed=\(isSubscribed) name=\(name)"
        case .metadata(let set):
            place(set.key)
            row.text = set.changes.map { "\($0.entry.text)=\($0.value.map { "\($0.count) octets" } ?? "NIL")" }
                .joined(separator: ", ")
        case .accessList(let set):
            place(set.key)
            let rows = set.text.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
            row.text = "seen-in-file=\(set.origin == .file) \(rows.joined(separator: "; "))"
        case .added(let added):
            if let only = added.targets.first, added.targets.count == 1 { place(only.key) }
            row.text =
                "body=\(added.count)\(added.isPacked ? " packed " : " ")"
                + added.targets.map { "\($0.key.account)/\($0.key.mailbox): \(Self.words($0.message))" }
                .joined(separator: ", ") + Self.words(added.effects)
        case .outgoingChanged(let changed):
            row.account = "\(changed.key.account)"
            row.text =
                "mail=\(changed.key.id) "
                + (changed.state.map {
                    "attempts=\($0.attempts) next=\($0.nextAttempt) handed-over=\($0.isHandedOver) \($0.lastError)"
                } ?? "gone")
        case .found(let found):
            place(found.key)
            row.text = found.messages.map(Self.words).joined(separator: ", ")
        case .copied(let copied):
            place(copied.target)
            let vanished = copied.vanishedModSeq.map { " vanished-modseq=\($0.rawValue)" } ?? ""
            row.text =
                "from=\(copied.source.account)/\(copied.source.mailbox)\(vanished) "
                + copied.messages.map { "\($0.source.rawValue) -> \(Self.words($0.message))" }.joined(separator: ", ")
        case .flagged(let change):
            place(change.key)
            row.text =
                "modseq=\(change.modSeq.rawValue) "
                + change.rows.map { "uid=\($0.uid.rawValue) flags=\(Self.words($0.flags)) keywords=\($0.keywords)" }
                .joined(separator: ", ")
        case .privateFlagged(let change):
            place(change.key)
            row.text =
                "reader=\(change.reader) modseq=\(change.modSeq.rawValue) "
                + change.rows.map {
                    "uid=\($0.uid.rawValue) flags=\(Self.words($0.flags)) "
                        + "keywords=\($0.keywords.map(\.name).joined(separator: "+"))"
                }
                .joined(separator: ", ")
        case .vanished(let key, let modSeq, let uids):
            place(key)
            row.text = "modseq=\(modSeq.rawValue) uids=\(Self.words(uids))"
        case .recent(let key, let firstRecent):
            place(key)
            row.text = "first=\(firstRecent)"
        case .keywords(let key, let keywords):
            place(key)
            row.text = "first=\(keywords.first) names=\(keywords.names.map(\.name).joined(separator: ","))"
        case .bodyMoved(let moved):
            row.text = "of=\(moved.id.rawValue) body=\(moved.count)"
        case .relocated(let relocated):
            place(relocated.key)
            row.text =
                "uid=\(relocated.uid.rawValue) from=\(Self.words(relocated.old)) to=\(Self.words(relocated.new)) "
                + "guid=\(relocated.guid) body=\(relocated.count)"
        case .traced(let octets):
            guard let trace = octets.withUnsafeBytes({ TraceRecord($0) }) else { return }
            row.account = "\(trace.account)"
            row.text = "time=\(trace.time) by=\(trace.actor.service) \(Self.words(trace.what))"
        case .eventNoted(let noted):
            row.account = "\(noted.account)"
            row.text =
                "event=\(noted.id) parts=\(noted.event.parts) time=\(noted.event.time) "
                + "uids=\(Self.words(noted.event.uids)) changed=\(noted.event.changedFlags.joined(separator: ","))"
        case .eventDone(let id, let parts): row.text = "event=\(id) parts=\(parts)"
        case .checkpoint(let part):
            switch part.content {
            case .begin(let restarts, let version):
                row.text = "base=\(part.base.rawValue) begin restarts=\(restarts) index-version=\(version)"
            case .rows(let database, let entries):
                row.text = "base=\(part.base.rawValue) rows=\(database) octets=\(entries.count)"
            case .end(let parts): row.text = "base=\(part.base.rawValue) end parts=\(parts)"
            }
        case .closed(let synced): row.text = "files-synced=\(synced.rawValue)"
        case .restarted(let count): row.text = "restarts=\(count)"
        case .quotaLimits(let account, let limits):
            row.account = "\(account)"
            row.text =
                limits.map {
                    "storage=\($0.storage.map { "\($0)" } ?? "NIL") messages=\($0.messages.map { "\($0)" } ?? "NIL")"
                } ?? "of-settings"
        case .accountArrived(let arrived):
            row.account = "\(arrived.id)"
            row.text =
                "name=\(arrived.row.identity.shownName) arriving=\(arrived.row.identity.isInTransit) "
                + "moves=\(arrived.row.moves)"
        case .accountLeft(let account):
            row.account = "\(account)"
        }
    }

    private static func words(_ message: NewMessage) -> String {
        let place = "at=\(Self.words(message.location))"
        return "uid=\(message.uid.rawValue) modseq=\(message.modSeq.rawValue) flags=\(Self.words(message.flags)) "
            + "size=\(message.size) \(place)"
    }

    private static func words(_ what: TraceRecord.What) -> String {
        switch what {
        case .delivered(let trace, let places):
            (["delivered outcome=\(trace.outcome)", "to=\(trace.recipient)"] + places.map(Self.words)).joined(
                separator: " ")
        case .appended(let place, _): "appended \(Self.words(place))"
        case .copied(let source, let target): "copied \(Self.words(source)) -> \(Self.words(target))"
        case .moved(let source, let target): "moved \(Self.words(source)) -> \(Self.words(target))"
        case .flagged(let place, let change): "flagged \(Self.words(place)) \(change)"
        case .expunged(let place): "expunged \(Self.words(place))"
        }
    }

    private static func words(_ place: TraceRecord.Place) -> String {
        "\(place.key.account)/\(place.key.mailbox)=\(place.name) uids=\(Self.words(place.uids))"
    }

    private static func words(_ effects: RecordedEffects) -> String {
        let mails = effects.outgoing.map { " sends=\($0.row.purpose) for=\($0.account) to=\($0.row.recipient)" }
        let memories = effects.remembered.map { " remembers for=\($0.account) until=\($0.expires)" }
        return (mails + memories).joined()
    }

    private static func words(_ location: BodyLocation) -> String {
        if let id = location.bodyID { return "record-\(id.rawValue)" }
        if location.isInLog { return "this-record" }
        return "file-\(String(decoding: location.bytes, as: UTF8.self))"
    }

    private static func words(_ flags: MessageFlags) -> String {
        let names: [(MessageFlags, String)] = [
            (.answered, "answered"), (.flagged, "flagged"), (.deleted, "deleted"), (.seen, "seen"), (.draft, "draft"),
        ]
        let set = names.filter { flags.contains($0.0) }.map(\.1)
        return set.isEmpty ? "none" : set.joined(separator: "+")
    }

    private static func words(_ uids: UIDSet) -> String {
        uids.ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound):\($0.upperBound)" }
            .joined(separator: ",")
    }
}
