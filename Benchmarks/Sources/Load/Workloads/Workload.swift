/// A kind of work.
struct Workload: Sendable {
    var name: String
    var run: @Sendable (Recorder) throws -> Void

    static let all: [Workload] = groups.flatMap { $0 }

    /// Each group begins on a server without mail; its workloads follow each other on the same mailbox.
    static let groups: [[Workload]] = [
        [Workload(name: "login", run: LoginWorkload.run)], [Workload(name: "delivery", run: DeliveryWorkload.run)],
        [Workload(name: "append", run: AppendWorkload.run)], [Workload(name: "pop3", run: POP3Workload.run)],
        [Workload(name: "idle", run: IdleWorkload.run)], [Workload(name: "mixed", run: MixedWorkload.run)],
        [
            Workload(name: "sync", run: SyncWorkload.run), Workload(name: "search", run: SearchWorkload.run),
            Workload(name: "sort", run: SortWorkload.run), Workload(name: "change", run: ChangeWorkload.run),
        ],
    ]
}

/// A mailbox of which every message is known.
enum KnownMailbox {
    static let user = 199
    /// Octets of a message.
    static let size = 6 << 10

    /// Puts the messages 0 ..< count into INBOX of the user, unless they are there: their UIDs are their numbers plus one.
    static func load(_ server: TestServer, _ count: Int) throws {
        let client = try IMAPClient(server, user: self.user)
        let mail = TestMail(size: self.size)
        let known = try client.select("INBOX")
        try client.run("UNSELECT")
        if known == count { return }
        try check(known == 0, "\(known) messages are there already")
        var next = 0
        while next < count {
            let batch = next..<min(count, next + 50)
            let uids = try client.append(
                "INBOX", batch.map { (mail.message($0), TestMail.flags($0), TestMail.internalDate($0)) })
            try check(uids == batch.lowerBound + 1...batch.upperBound, "UIDs of messages \(batch): \(uids)")
            next = batch.upperBound
        }
        try client.logout()
        server.tree.settle()
    }
}
