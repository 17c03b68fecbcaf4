/// SEARCH in a large mailbox: the first time after the start of the server, and again.
enum SearchWorkload {
    static func run(_ recorder: Recorder) throws {
        let server = recorder.server
        let count = recorder.scale.messages
        try KnownMailbox.load(server, count)
        let client = try IMAPClient(server, user: KnownMailbox.user)
        try client.select("INBOX")
        let since = count - count / 10
        let day = TestMail.internalDate(since) / 86400
        let keys: [(name: String, key: String, matches: (Int) -> Bool)] = [
            ("subject", "SUBJECT \(TestMail.subjectWord)", TestMail.hasSubjectWord),
            ("from", "FROM \(TestMail.rareSender)", { TestMail.sender($0) == 77 }),
            (
                "since", "SINCE \(TestMail.searchDate(TestMail.internalDate(since)))",
                { TestMail.internalDate($0) / 86400 >= day }
            ),
            ("unseen", "UNSEEN", { !TestMail.isSeen($0) }),
            // Within a word, in other letters.
            ("text", "TEXT \(TestMail.rareWord.dropFirst(2).uppercased())", TestMail.hasRareWord),
            ("body", "BODY \(TestMail.rareWord)", TestMail.hasRareWord),
        ]
        for (name, key, matches) in keys {
            let wanted = (0..<count).filter(matches).map { $0 + 1 }
            let search = { () throws -> Int in
                var found: [Int]?
                try client.run("UID SEARCH \(key)") { found = $0.list("SEARCH") ?? found }
                try check(found == wanted, "\(key): \(found?.count ?? -1) messages of \(wanted.count)")
                return 1
            }
            try recorder.once("search/\(name)/first", search)
            try recorder.again("search/\(name)/again", search)
        }
    }
}
