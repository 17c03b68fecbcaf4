import IndexedStore
import MailCore
import MailStore
import Synchronization

/// Everything that clients can be told of an account.
struct Picture {
    struct Box {
        var name: MailboxName
        var uidNext: UInt32
        var modSeq: UInt64
        var uids: [UInt32]
    }

    private(set) var boxes: [Box] = []
    let value: Report.Value

    init(_ account: any MailAccount) async throws {
        var mailboxes: [String: Report.Value] = [:]
        for listing in try await account.mailboxes() where listing.isSelectable {
            let mailbox = try await account.open(listing.name, .readOnly, onChange: {})
            defer { mailbox.close() }
            let snapshot = mailbox.snapshot()
            let status = try await account.status(of: listing.name)
            let records = (0..<snapshot.count).map { snapshot[$0] }
            var octets: [Result<MessageOctets, StoreError>] = []
            while octets.count < records.count {
                octets += try await mailbox.octets(of: Array(records[octets.count...]), limit: 4 << 20)
            }
            var messages: [Report.Value] = []
            for (record, result) in zip(records, octets) {
                let subject: String
                switch result {
                case .success(let found): subject = Sample.subject(of: found) ?? "?? not as it came"
                case .failure(let error): subject = "?? \(error)"
                }
                let keywords = snapshot.keywords.numbers(in: record.keywords).map {
                    snapshot.keywords.keywords[Int($0)].name
                }
                messages.append(
                    .list([
                        .number(Int64(record.uid.rawValue)), .text(subject), .number(Int64(record.flags.rawValue)),
                        .text(keywords.sorted().joined(separator: " ")), .number(record.internalDate),
                        .number(Int64(record.size)), .number(Int64(record.modSeq.rawValue)),
                    ]))
            }
            let metadata = try await account.metadata(of: .mailbox(listing.name)).map {
                "\($0.entry) \(String(decoding: $0.value, as: UTF8.self))"
            }
            let list = try await account.accessList(of: listing.name)
            let all = UIDSet(UID.first...UID(nonZero: .max))
            let vanished = try await mailbox.vanished(all, since: ModSeq(rawValue: UInt64(DriverVolume.now) << 20))
            mailboxes[listing.name.text] = .object([
                "validity": .number(Int64(snapshot.uidValidity.rawValue)),
                "next": .number(Int64(snapshot.uidNext.rawValue)),
                "modseq": .number(Int64(snapshot.highestModSeq.rawValue)),
                "guid": .text(mailbox.guid), "use": .text(listing.specialUse?.rawValue ?? ""),
                "messages": .list(messages), "metadata": .list(metadata.map { .text($0) }),
                "acl": .text("\(list.rows)"), "vanished": .text("\(vanished.map { "\($0.ranges)" } ?? "unknown")"),
                "counts": .list([
                    .number(Int64(status.messages)), .number(Int64(status.unseen)), .number(Int64(status.deleted)),
                    .number(Int64(status.size)),
                ]),
            ])
            self.boxes.append(
                Box(
                    name: listing.name, uidNext: snapshot.uidNext.rawValue, modSeq: snapshot.highestModSeq.rawValue,
                    uids: records.map(\.uid.rawValue)))
        }
        let quota = try await account.quota()
        let server = try await account.metadata(of: .server).map {
            "\($0.entry) \(String(decoding: $0.value, as: UTF8.self))"
        }
        self.value = .object([
            "mailboxes": .object(mailboxes),
            "subscriptions": .list(try await account.subscriptions().map { .text($0.text) }),
            "metadata": .list(server.map { .text($0) }),
            "quota": .list([.number(quota.usage.storage), .number(quota.usage.messages)]),
            "limit": .number(quota.limits.storage ?? -1), "driver": .text(account.identity.driver),
        ])
    }

    /// Of all accounts, with the mails that wait for the MTA.
    static func all(_ store: IndexedStore, _ volume: DriverVolume) async throws -> (
        value: Report.Value, accounts: [String: Picture]
    ) {
        var accounts: [String: Picture] = [:]
        for name in try await store.accountNames() {
            accounts[name] = try await Picture(store.account(volume.identity(name)))
        }
        let outgoing = (store.outgoingQueue?.mails ?? []).map { "\($0.account.name) \($0.recipient)" }.sorted()
        return (
            .object([
                "accounts": .object(accounts.mapValues(\.value)), "outgoing": .list(outgoing.map { .text($0) }),
            ]), accounts
        )
    }
}

extension DriverVolume {
    /// What an examination finds.
    func findings(_ store: IndexedStore) async throws -> [Report.Value] {
        var found: [String] = []
        for name in try await store.accountNames() {
            let account = try await store.account(self.identity(name))
            for listing in try await account.mailboxes() where listing.isSelectable {
                var next: UInt32?
                repeat {
                    let slice = try await store.verify(listing.name, of: account, from: next, .examine)
                    for finding in slice.findings {
                        let uid = finding.uid.map { "\($0)" } ?? "-"
                        found.append("\(name) \(listing.name) \(uid) \(finding.kind.rawValue): \(finding.detail)")
                    }
                    next = slice.next
                } while next != nil
            }
        }
        var segment: UInt32?
        repeat {
            let slice = try await store.verifyLog(from: segment)
            found += slice.findings.map { "log: \($0.detail)" }
            segment = slice.next
        } while segment != nil
        return found.map { .text($0) }
    }

    var problems: [String: Report.Value] {
        [
            "errors": .list(self.errors.withLock { $0 }.map { .text($0) }),
            "warnings": .list(self.warnings.withLock { $0 }.map { .text($0) }),
        ]
    }
}
