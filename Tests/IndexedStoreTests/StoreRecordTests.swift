import MailCore
import MailStore
import Testing
import VolumeLog

@testable import IndexedStore

@Suite struct StoreRecordTests {
    static let key = MailboxKey(account: 7, mailbox: 9)
    static let places = {
        var places = MailPlaces()
        places.layout = .directories
        places.controlPath = "/c"
        places.subscriptionsName = "subs"
        return places
    }()

    static func message(_ uid: UInt32) -> NewMessage {
        NewMessage(
            uid: UID(nonZero: uid), modSeq: ModSeq(rawValue: 1 << 50), flags: [.seen, .draft],
            keywords: [0, 300],
            internalDate: -5, saveDate: 1_800_000_000, size: 4_000_000_000,
            location: BodyLocation(Array("1.M2P3.h".utf8)),
            guid: "abc", pop3UIDL: "u", pop3Order: 3)
    }

    static var effects: RecordedEffects {
        // Version, purpose, bits, "a", "", size 9, queued 8, attempts 7, next 6, "", "x", "y".
        let octets: [UInt8] = [
            1, 2, 1, 1, 0x61, 0, 9, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0,
            1, 0x78,
            0x79,
        ]
        var effects = RecordedEffects()
        if let row = octets.withUnsafeBytes({ OutgoingRow($0) }) { effects.outgoing = [.init(account: 3, row: row)] }
        effects.remembered = [.init(account: 3, key: RememberedKey(.vacation, [[1], []]), expires: 9)]
        return effects
    }

    static var arrived: StoreRecord {
        var row = AccountRow(identity: AccountIdentity(name: "a", home: "/h", mailPath: "/m", places: places))
        row.nextMailbox = 12
        row.lastUIDValidity = 5
        row.moves = 300
        return .accountArrived(AccountArrived(id: 8, row: row))
    }

    static let records: [StoreRecord] =
        [UIDValidity(rawValue: 3)].compactMap { $0 }.map {
            .mailboxCreated(
                MailboxCreated(
                    key: key, name: .inbox,
                    header: MailboxHeader(uidValidity: $0, uidNext: .first, guid: "00"),
                    highestModSeq: ModSeq(rawValue: 77), specialUse: .trash))
        } + [
            .account(
                AccountSet(
                    id: 7,
                    identity: AccountIdentity(
                        name: "ä@b", home: "", mailPath: "/m", owner: .init(uid: 5, gid: 6)))),
            .mailboxDeleted(key, name: .inbox), arrived, .accountLeft(account: 7),
            .mailboxesRenamed(
                account: 7, [Renamed(mailbox: 9, old: .inbox, new: MailboxName("Ö/x") ?? .inbox)]),
            .subscription(account: 7, .inbox, isSubscribed: true),
            .metadata(
                MetadataSet(
                    key: key,
                    changes: [
                        MetadataChange(.specialUse, Array("\\Sent".utf8)), MetadataChange(.specialUse, nil),
                        MetadataChange(.specialUse, []),
                    ])),
            .added(
                MessageAdded(
                    targets: [
                        .init(
                            key: key,
                            newKeywords: NewKeywords(first: 2, names: [Keyword("k")].compactMap { $0 }),
                            message: message(4))
                    ], octets: MessageOctets(Array("From: a\r\n\r\nb".utf8)))),
            .found(
                MessagesFound(
                    key: key, newKeywords: NewKeywords(), uidNext: UID(nonZero: 9),
                    messages: [message(1), message(8)])),
            .copied(
                MessagesCopied(
                    source: key, vanishedModSeq: ModSeq(rawValue: 5),
                    target: MailboxKey(account: 7, mailbox: 10),
                    newKeywords: NewKeywords(),
                    messages: [
                        .init(
                            source: UID(nonZero: 2), sourceLocation: BodyLocation([1, 2]), message: message(3)
                        )
                    ])),
            .privateFlagged(
                PrivateFlagsChanged(
                    key: key, reader: "bert", modSeq: ModSeq(rawValue: 9),
                    rows: [
                        .init(
                            uid: UID(nonZero: 4), flags: [.seen],
                            keywords: [Keyword("k"), Keyword("kk")].compactMap { $0 }),
                        .init(uid: UID(nonZero: 5), flags: [], keywords: []),
                    ])),
            .flagged(
                FlagsChanged(
                    key: key, modSeq: ModSeq(rawValue: 9), origin: .file, newKeywords: NewKeywords(),
                    rows: [.init(uid: .first, flags: .all, keywords: [1, 2, 3])])),
            .vanished(key, ModSeq(rawValue: 10), [UID(nonZero: 1), UID(nonZero: 2), UID(nonZero: .max)]),
            .recent(key, firstRecent: 12),
            .keywords(key, NewKeywords(first: 0, names: [Keyword("a"), Keyword("b")].compactMap { $0 })),
            .account(
                AccountSet(id: 8, identity: AccountIdentity(name: "p", home: "", mailPath: "/m", driver: "pack"))),
            .account(
                AccountSet(
                    id: 9,
                    identity: AccountIdentity(name: "f", home: "", mailPath: "/m", places: places))),
            .bodyMoved(BodyMoved(id: BodyID(rawValue: 5), octets: MessageOctets([1, 2, 3]))),
            .checkpoint(CheckpointPart(base: LogSequence(rawValue: 9), .begin(restarts: 2, version: 3))),
            .checkpoint(
                CheckpointPart(base: LogSequence(rawValue: 9), .rows(database: "messages", entries: [1, 7, 2, 8, 9]))),
            .checkpoint(CheckpointPart(base: LogSequence(rawValue: 9), .end(parts: 1))),
            .closed(filesSynced: LogSequence(rawValue: 12)),
            .added(MessageAdded(targets: [], effects: effects, octets: MessageOctets(Array("b".utf8)))),
            .outgoingChanged(
                OutgoingChanged(key: OutgoingKey(account: 7, id: OutgoingID(delivery: 900, number: 2)), state: nil)),
            .outgoingChanged(
                OutgoingChanged(
                    key: OutgoingKey(account: 7, id: OutgoingID(delivery: 900, number: 2)),
                    state: .init(attempts: 3, nextAttempt: 1_800_000_000, lastError: "busy", isHandedOver: true))),
            .restarted(count: 3),
        ]

    @Test(arguments: records.indices) func readsWhatItWrote(_ index: Int) {
        let record = Self.records[index]
        var octets: [UInt8] = []
        record.encode(into: &octets)
        let read = octets.withUnsafeBytes { StoreRecord(kind: record.kind.rawValue, $0) }
        var again: [UInt8] = []
        read?.encode(into: &again)
        #expect(again == octets)
        #expect(octets.withUnsafeBytes { StoreRecord(kind: 200, $0) } == nil)
        // No truncation or change of an octet may trap; what is read can be written.
        for end in 0..<octets.count {
            _ = octets[..<end].withUnsafeBytes { StoreRecord(kind: record.kind.rawValue, $0) }
        }
        for position in octets.indices {
            for value in [0, 1, 0x7F, 0x80, 0xFF] as [UInt8] {
                var damaged = octets
                damaged[position] = value
                var out: [UInt8] = []
                damaged.withUnsafeBytes { StoreRecord(kind: record.kind.rawValue, $0) }?.encode(into: &out)
            }
        }
    }
}
