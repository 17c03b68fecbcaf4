/// SORT and THREAD of a large mailbox: the first time, and again. The list has been filled before, as clients do, so
/// that a server that keeps header fields once they were asked for has them.
enum SortWorkload {
    static func run(_ recorder: Recorder) throws {
        let server = recorder.server
        let count = recorder.scale.messages
        try KnownMailbox.load(server, count)
        let client = try IMAPClient(server, user: KnownMailbox.user)
        try client.select("INBOX")

        try client.run("FETCH 1:* (UID FLAGS ENVELOPE)")
        try client.run("FETCH 1:* (BODY.PEEK[HEADER.FIELDS (Date Subject Message-ID References In-Reply-To)])")

        // Equal dates stay in the order of numbers, also under REVERSE.
        let byDate = (0..<count).sorted { (-TestMail.sentDate($0), $0) < (-TestMail.sentDate($1), $1) }.map { $0 + 1 }
        let keys = (0..<count).map { Array(TestMail.sortKey($0).utf8) }
        let bySubject = (0..<count).sorted {
            keys[$0] == keys[$1] ? $0 < $1 : keys[$0].lexicographicallyPrecedes(keys[$1])
        }.map { $0 + 1 }
        for (name, criteria, wanted) in [("reverse-date", "REVERSE DATE", byDate), ("subject", "SUBJECT", bySubject)] {
            let sort = { () throws -> Int in
                var found: [Int]?
                try client.run("SORT (\(criteria)) UTF-8 ALL") { found = $0.list("SORT") ?? found }
                try check(found?.count == count, "SORT: \(found?.count ?? -1) messages of \(count)")
                try check(found == wanted, "SORT \(criteria): the order is another one")
                return 1
            }
            try recorder.once("sort/\(name)/first", sort)
            try recorder.again("sort/\(name)/again", sort)
        }

        let thread = { () throws -> Int in
            var answer: IMAPClient.Response?
            try client.run("THREAD REFERENCES UTF-8 ALL") {
                if $0.line.starts(with: "* THREAD".utf8) { answer = $0 }
            }
            try self.checkThreads(answer?.text ?? "", count)
            return 1
        }
        try recorder.once("sort/thread-references/first", thread)
        try recorder.again("sort/thread-references/again", thread)
    }

    /// Each thread is `(a b c)`, its three messages in their order; the last block may not be whole.
    private static func checkThreads(_ text: String, _ count: Int) throws {
        var seen = 0
        for thread in text.dropFirst(8).split(separator: ")") {
            let numbers = thread.drop { $0 != "(" }.dropFirst().split(separator: " ").compactMap { Int($0) }
            guard let first = numbers.first else { continue }
            seen += numbers.count
            var number: Int? = first - 1
            try check(TestMail.parent(first - 1) == nil, "THREAD: message \(first) begins a thread")
            for (position, other) in numbers.enumerated() where position > 0 {
                try check(TestMail.parent(other - 1) == number, "THREAD: \(other) stands behind \((number ?? -2) + 1)")
                number = other - 1
            }
            let length = [first, first + 100, first + 200].count { $0 <= count }
            try check(numbers.count == length, "THREAD: \(numbers.count) messages of \(length) with \(first)")
        }
        try check(seen == count, "THREAD: \(seen) messages of \(count)")
    }
}
