import Glibc
import IndexedStore
import MailCore
import MailStore

extension Operation {
    private static func uids(_ numbers: UInt32...) -> UIDSet { UIDSet(numbers.map { UID(nonZero: $0) }) }

    static let all: [Operation] = messages + flags + mailboxes + account + upkeep + foreign

    // MARK: Messages

    private static let messages: [Operation] = [
        Operation("deliver") { work in
            let message = Sample.message("d1")
            try await work.deliver([
                Deposit(message: message, account: work.anna, mailbox: .inbox),
                Deposit(message: message, account: work.bob, mailbox: .inbox),
                Deposit(message: message, account: work.anna, mailbox: Scenario.work),
            ])
        }.with { $0.grain = .steps },
        Operation("deliver-large") { work in
            try await work.deliver([work.deposit("large", lines: 6000)])
        },
        Operation("deliver-create") { work in
            try await work.deliver([work.deposit("new", nil, MailboxName(known: "New/Box"), missing: .create)])
        }.with { $0.grain = .steps },
        Operation("deliver-effects") { work in
            var effects = DeliveryEffects()
            let deposit = work.deposit("e1")
            effects.outgoing = [
                OutgoingMessage(
                    purpose: .redirect, account: work.anna, sender: "a@example.org", recipient: "far@example.com",
                    message: deposit.message)
            ]
            effects.remembered = [
                Remembrance(
                    account: work.anna, key: RememberedKey(.vacation, [[1]]), expires: DriverVolume.now + 9000)
            ]
            for result in await work.store.deliver([Parcel(deposits: [deposit], effects: effects)]) {
                for stored in result.deposits { Report.acked("anna", .inbox, try stored.get().uid, "e1") }
                try result.effects.get()
            }
        },
        Operation("append") { work in
            let stored = try await work.store.depositAll([
                work.deposit("a1", flags: [.seen, .flagged], keywords: ["work", "brandnew"])
            ])
            for one in stored { Report.acked("anna", .inbox, one.uid, "a1") }
        },
        Operation("multiappend") { work in
            let names = ["a1", "a2", "a3"]
            let stored = try await work.store.depositAll(names.map { work.deposit($0, nil, Scenario.work) })
            for (name, one) in zip(names, stored) { Report.acked("anna", Scenario.work, one.uid, name) }
        },
        Operation("replace") { work in
            try await work.inMailbox { inbox in
                let stored = try await work.store.replace(UID(nonZero: 2), in: inbox, by: work.deposit("r1"))
                Report.acked("anna", .inbox, stored.uid, "r1")
            }
        }.with { $0.grain = .steps },
        Operation("copy") { work in
            try await work.inMailbox { inbox in
                let result = try await inbox.copy(uids(1, 2, 4), to: Scenario.work)
                for (uid, name) in zip(result.target, ["m1", "m2", "m4"]) {
                    Report.acked("anna", Scenario.work, uid, name)
                }
            }
        },
        Operation("move") { work in
            try await work.inMailbox { inbox in
                let result = try await inbox.move(uids(1, 2, 4), to: Scenario.work)
                for (uid, name) in zip(result.target, ["m1", "m2", "m4"]) {
                    Report.acked("anna", Scenario.work, uid, name)
                }
            }
        },
        Operation("move-within") { work in
            try await work.inMailbox { inbox in
                let result = try await inbox.move(uids(1, 2), to: .inbox)
                for (uid, name) in zip(result.target, ["m1", "m2"]) { Report.acked("anna", .inbox, uid, name) }
            }
        },
        Operation("transfer") { work in
            try await work.inMailbox { inbox in
                let result = try await inbox.transfer(
                    uids(1, 4), to: DepositDestination(account: work.bob, name: .inbox, rights: .all), .move)
                for (uid, name) in zip(result.target, ["m1", "m4"]) { Report.acked("bob", .inbox, uid, name) }
            }
        },
        Operation("expunge") { work in
            try await work.inMailbox { inbox in
                _ = try await inbox.expunge(nil)
                _ = try await inbox.remove(uids(2))
            }
        }.with { $0.grain = .steps },
        Operation("expunge-always") { work in
            try await work.inMailbox { inbox in _ = try await inbox.remove(uids(2, 4)) }
        }.with { $0.fsync = .always },
        Operation("rotate") { work in
            for number in 0..<12 {
                try await work.deliver([work.deposit("r\(number)", lines: 180, keywords: ["k\(number % 3)"])])
            }
        }.with { $0.grain = .steps },
    ]

    // MARK: Flags

    private static let flags: [Operation] = [
        Operation("flags") { work in
            try await work.inMailbox { inbox in
                _ = try await inbox.store(
                    FlagChange(.add, [.answered], ["new"].compactMap(Keyword.init)), uids(1, 2), unchangedSince: nil)
            }
        },
        Operation("flags-always") { work in
            try await work.inMailbox { inbox in
                let keywords = ["new", "work"].compactMap(Keyword.init)
                _ = try await inbox.store(
                    FlagChange(.replace, [.seen], keywords), uids(1, 2, 4), unchangedSince: nil)
            }
        }.with { $0.fsync = .always },
    ]

    // MARK: Mailboxes

    private static let mailboxes: [Operation] = [
        Operation("create") { work in try await work.anna.create(MailboxName(known: "A/B/C"), specialUse: .archive) },
        Operation("rename") { work in try await work.anna.rename(Scenario.work, to: MailboxName(known: "Projects/Work"))
        },
        Operation("rename-inbox") { work in try await work.anna.rename(.inbox, to: MailboxName(known: "Old")) },
        Operation("delete") { work in try await work.anna.delete(Scenario.sub) },
        Operation("delete-parent") { work in try await work.anna.delete(Scenario.work) },
        Operation("subscribe") { work in try await work.anna.subscribe(Scenario.sub) },
        Operation("unsubscribe") { work in try await work.anna.unsubscribe(Scenario.work) },
    ]

    // MARK: What belongs to them

    private static let account: [Operation] = [
        Operation("metadata") { work in
            guard let comment = MetadataEntry("/private/comment"), let shared = MetadataEntry("/shared/x") else {
                return
            }
            try await work.anna.setMetadata(
                [MetadataChange(comment, nil), MetadataChange(shared, Array("new".utf8))],
                of: .mailbox(Scenario.work))
        },
        Operation("metadata-server") { work in
            guard let comment = MetadataEntry("/private/comment") else { return }
            try await work.anna.setMetadata([MetadataChange(comment, Array("changed".utf8))], of: .server)
        },
        Operation("special-use") { work in
            let change = MetadataChange(.specialUse, Array("\\Trash".utf8))
            try await work.anna.setMetadata([change], of: .mailbox(Scenario.empty))
        },
        Operation("acl") { work in
            try await work.anna.changeAccessList(of: Scenario.sub) { list throws(StoreError) in
                list.set(.user("bob"), isNegative: false, .replace, [.lookup, .read])
            }
        },
        Operation("acl-remove") { work in
            try await work.anna.changeAccessList(of: Scenario.work) { list throws(StoreError) in
                list.remove(.user("bob"), isNegative: false)
            }
        },
        Operation("quota") { work in
            try await work.anna.setQuotaLimits(QuotaLimits(storage: 1 << 20, messages: 100))
        },
        Operation("account") { work in
            _ = try await work.store.account(work.volume.identity("carol"))
        }.with { $0.grain = .steps },
        Operation("account-move") { work in
            let count = try await work.store.move(
                work.anna.identity, toFormat: work.volume.format.other.rawValue)
            Report.line("moved", ["count": .number(Int64(count))])
        }.with { $0.grain = .steps },
    ]

    // MARK: The log and the index

    /// Mail most of which goes again, so that segments become sparse.
    private static let sparse:
        @Sendable (IndexedStore, any MailAccount, any MailAccount, DriverVolume) async throws -> Void = {
            store, anna, bob, volume in
            let work = Work(store: store, anna: anna, bob: bob, volume: volume)
            for number in 0..<40 {
                for result in await store.deposit([work.deposit("f\(number)", nil, Scenario.empty, lines: 60)]) {
                    _ = try result.get()
                }
            }
            let mailbox = try await anna.open(Scenario.empty, .readWrite, onChange: {})
            _ = try await mailbox.remove(
                UIDSet(mailbox.snapshot().chunks.flatMap(\.records).map(\.uid).filter { $0.rawValue % 8 != 0 }))
            mailbox.close()
        }

    private static let upkeep: [Operation] = [
        Operation("checkpoint") { work in try await work.store.keepLogShort() },
        Operation("clean") { work in
            try await work.store.keepLogShort()
            try await work.deliver([work.deposit("behind")])
            try await work.store.keepLogShort()
        }.with {
            $0.grain = .steps
            $0.prepare = Self.sparse
        },
        Operation("growth") { work in
            try await work.deliver((0..<150).map { work.deposit("g\($0)", keywords: ["k\($0)"]) })
            _ = try await work.anna.status(of: .inbox)
        }.with {
            $0.formats = [.pack]
            $0.grain = .steps
            $0.indexMapSize = 1 << 18
        },
        Operation("open") { work in try await work.deliver([work.deposit("first")]) }.with { $0.opens = true },
        Operation("recover") { work in try await work.deliver([work.deposit("first")]) }.with {
            $0.opens = true
            $0.grain = .steps
            // Closed in disorder: a copy of the volume of before takes the place of the index.
            $0.prepare = { store, anna, bob, volume in
                let work = Work(store: store, anna: anna, bob: bob, volume: volume)
                try await store.finishFileWork()
                for result in await store.deposit([work.deposit("late"), work.deposit("late", bob)]) {
                    _ = try result.get()
                }
                let inbox = try await anna.open(.inbox, .readWrite, onChange: {})
                _ = try await inbox.move(uids(1), to: Scenario.work)
                inbox.close()
                try await anna.create(MailboxName(known: "Late"), specialUse: nil)
                Report.line("answer", ["text": .text("ok")])
                _exit(0)
            }
        },
        Operation("rebuild") { work in try await work.deliver([work.deposit("first")]) }.with {
            $0.opens = true
            $0.grain = .steps
            $0.prepare = Self.sparse
            $0.before = { Files.remove($0.indexPath) }
        },
        Operation("expire") { work in
            let report = try await work.store.expire([ExpiryRule(pattern: "Work*", maximum: 1)]) { _ in true }
            if report.failures > 0 { throw StoreError(.temporary, "mailboxes that could not be looked at") }
        }.with { $0.grain = .steps },
        Operation("import") { work in
            let archive = try await work.store.archive(work.anna)
            var open: [any MailboxRestoration] = []
            for box in archive.mailboxes { open.append(try await work.store.restore(box, in: work.bob, .new)) }
            while true {
                let some = try await archive.next(5)
                if some.isEmpty { break }
                var deposits: [Deposit] = []
                for found in some {
                    let box = archive.mailboxes[found.mailbox]
                    var deposit = Deposit(
                        message: IncomingMessage(try await archive.octets(of: found)), account: work.bob,
                        mailbox: box.name, flags: found.flags, keywords: found.keywords.map { box.keywords[Int($0)] },
                        internalDate: found.internalDate, strictness: .exempt)
                    deposit.restored = RestoredMessage(saveDate: found.saveDate, guid: found.guid)
                    deposits.append(deposit)
                }
                try await work.deliver(deposits)
            }
            for restoration in open { try await restoration.end(.whole) }
        }.with { $0.grain = .steps },
    ]

    // MARK: Other programs

    private static let foreign: [Operation] = [
        Operation("external") { work in
            // Another program delivers, sets flags, removes and makes a mailbox.
            Disk.disarm()
            let root = "\(work.volume.directory)/anna"
            Files.write(Sample.octets("x1"), "\(root)/new/1700000001.M1P1.other")
            Files.write(Sample.octets("x2"), "\(root)/new/1700000002.M2P1.other")
            let inbox = Files.names("\(root)/cur")
            if let name = inbox.first(where: { $0.hasSuffix(",S") }) {
                rename("\(root)/cur/\(name)", "\(root)/cur/\(name.dropLast(1))RS")
            }
            if let name = inbox.first(where: { $0.contains(",F") }) { unlink("\(root)/cur/\(name)") }
            for part in ["", "/cur", "/new", "/tmp"] { mkdir("\(root)/.Foreign\(part)", 0o700) }
            Files.write(Sample.octets("x3"), "\(root)/.Foreign/new/1700000003.M3P1.other")
            Disk.arm()
            try await work.anna.resync(.inbox)
            for listing in try await work.anna.mailboxes() { _ = try await work.anna.status(of: listing.name) }
        }.with {
            $0.formats = [.maildir]
            $0.grain = .steps
        },
        Operation("uidlist") { work in
            try await work.anna.resync(.inbox)
            try await work.deliver([work.deposit("behind")])
        }.with {
            $0.formats = [.maildir]
            $0.grain = .steps
            $0.ready = { work in unlink("\(work.volume.directory)/anna/dovecot-uidlist") }
        },
    ]
}
