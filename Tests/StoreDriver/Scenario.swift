import Glibc
import IndexedStore
import MailCore
import MailStore

/// What an operation begins with: two accounts with some mail, everything closed in order.
struct Scenario {
    private let volume: DriverVolume

    static let work = MailboxName(known: "Work")
    static let sub = MailboxName(known: "Work/Sub")
    static let empty = MailboxName(known: "Empty")

    init(_ volume: DriverVolume) { self.volume = volume }

    func setUp(_ operation: Operation) async throws {
        let store = try self.volume.open()
        let anna = try await store.account(self.volume.identity("anna"))
        let bob = try await store.account(self.volume.identity("bob"))
        for name in [Self.work, Self.sub, Self.empty] { try await anna.create(name, specialUse: nil) }
        try await anna.subscribe(Self.work)
        try await self.put(store, bob, .inbox, "b1")
        try await self.put(store, anna, .inbox, "m1", [.seen])
        try await self.put(store, anna, .inbox, "m2", [], ["work"])
        try await self.put(store, anna, .inbox, "m3", [.deleted])
        try await self.put(store, anna, .inbox, "m4", [.flagged], ["work", "$Junk"], lines: 100)
        for number in 1...3 { try await self.put(store, anna, Self.work, "w\(number)", [.seen]) }
        try await self.put(store, anna, Self.sub, "s1")
        let inbox = try await anna.open(.inbox, .readWrite, onChange: {})
        // A gap, and a UIDNEXT that no message tells of.
        try await self.put(store, anna, .inbox, "gone", [.deleted])
        _ = try await inbox.remove([UID(nonZero: 5)])
        inbox.close()
        if let comment = MetadataEntry("/private/comment") {
            try await anna.setMetadata([MetadataChange(comment, Array("old".utf8))], of: .mailbox(Self.work))
            try await anna.setMetadata([MetadataChange(comment, Array("mine".utf8))], of: .server)
        }
        try await anna.changeAccessList(of: Self.work) { list throws(StoreError) in
            list.set(.user("bob"), isNegative: false, .replace, [.lookup, .read])
        }
        try await operation.prepare(store, anna, bob, self.volume)
        try await store.finishFileWork()
        await store.close()
        operation.afterClose(self.volume)
    }

    private func put(
        _ store: IndexedStore, _ account: any MailAccount, _ mailbox: MailboxName, _ subject: String,
        _ flags: MessageFlags = [], _ keywords: [String] = [], lines: Int = 3
    ) async throws {
        let deposit = Deposit(
            message: Sample.message(subject, lines: lines), account: account, mailbox: mailbox, flags: flags,
            keywords: keywords.compactMap(Keyword.init))
        for result in await store.deposit([deposit]) { _ = try result.get() }
    }
}

/// Does an operation while the disk counts calls, and says what it was answered and what is to be seen then.
struct OperationRun {
    private let volume: DriverVolume
    private let operation: Operation

    init(_ volume: DriverVolume, _ operation: Operation) {
        self.volume = volume
        self.operation = operation
    }

    func run() async throws {
        self.operation.before(self.volume)
        if self.operation.opens { Disk.arm() }
        let store: IndexedStore
        do {
            store = try self.volume.open {
                $0.fsync = self.operation.fsync
                $0.indexMapSize = self.operation.indexMapSize
            }
        } catch {
            // An opening that fails must succeed the next time.
            Report.line("answer", ["text": .text("\(error)")])
            return
        }
        let answer: String
        do {
            let anna = try await store.account(self.volume.identity("anna"))
            let bob = try await store.account(self.volume.identity("bob"))
            let work = Operation.Work(store: store, anna: anna, bob: bob, volume: self.volume)
            try await self.operation.ready(work)
            Disk.arm()
            try await self.operation.body(work)
            answer = "ok"
        } catch {
            answer = "\(error)"
        }
        Report.line("answer", ["text": .text(answer)])
        // A disk that stays full gets its space back in the end; work behind the answer waits for that.
        let makingRoom = Task.detached {
            while !Disk.hasFailed {
                guard (try? await Task.sleep(for: .milliseconds(5))) != nil else { return }
            }
            try? await Task.sleep(for: .milliseconds(100))
            Disk.disarm()
        }
        // The index is written again a second after it could not be.
        for _ in 0..<30 {
            do {
                try await store.finishFileWork()
                break
            } catch {
                guard Disk.hasFailed else { break }
                try? await Task.sleep(for: .milliseconds(100))
            }
        }
        makingRoom.cancel()
        if Disk.hasFailed {
            // The disk is well again: whatever was answered, the store goes on, or says that it has stopped.
            Disk.disarm()
            await self.goOn(store)
        }
        await store.close()
        Disk.disarm()
        Report.line("end", self.volume.problems)
    }

    private func goOn(_ store: IndexedStore) async {
        var probe = "ok"
        do {
            let bob = try await store.account(self.volume.identity("bob"))
            let deposit = Deposit(message: Sample.message("probe"), account: bob, mailbox: .inbox)
            for result in await store.deposit([deposit]) {
                let stored = try result.get()
                Report.acked("bob", .inbox, stored.uid, "probe")
            }
        } catch {
            probe = "\(error)"
        }
        var fields: [String: Report.Value] = ["probe": .text(probe)]
        // The index is written again a second after it could not be.
        for _ in 0..<30 where fields["picture"] == nil {
            do {
                fields["picture"] = try await Picture.all(store, self.volume).value
            } catch {
                fields["text"] = .text("\(error)")
                if probe != "ok" { break }
                try? await Task.sleep(for: .milliseconds(100))
            }
        }
        Report.line("live", fields)
    }
}

extension Report {
    /// A message that a client was told of.
    static func acked(_ account: String, _ mailbox: MailboxName, _ uid: UID, _ subject: String) {
        self.line(
            "acked",
            [
                "account": .text(account), "mailbox": .text(mailbox.text), "uid": .number(Int64(uid.rawValue)),
                "subject": .text(subject),
            ])
    }
}
