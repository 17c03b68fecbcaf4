/// STORE, COPY, MOVE and EXPUNGE in a large mailbox.
enum ChangeWorkload {
    static func run(_ recorder: Recorder) throws {
        let server = recorder.server
        let count = recorder.scale.messages
        try KnownMailbox.load(server, count)
        let client = try IMAPClient(server, user: KnownMailbox.user)
        try client.select("INBOX")
        for name in ["Copies", "Moved"] { try client.run("CREATE \(name)") }

        var isOn = false
        try recorder.again("change/store-all") {
            isOn.toggle()
            let mark = isOn
            var next = 0
            try client.run("STORE 1:* \(mark ? "+" : "-")FLAGS (\\Answered)") { response in
                guard response.number(of: "FETCH") == next + 1 else { return }
                try check(response.flags?.contains("\\Answered") == mark, "STORE: \(response.text)")
                next += 1
            }
            try check(next == count, "STORE told of \(next) messages of \(count)")
            return count
        }
        var round = 0
        try recorder.again("change/store-single") {
            for _ in 0..<200 {
                round += 1
                let uid = round * 7919 % count + 1
                let mark = round / count % 2 == 0
                var told: Bool?
                try client.run("UID STORE \(uid) \(mark ? "+" : "-")FLAGS (\\Draft)") {
                    if $0.value(after: "UID ") == uid { told = $0.flags?.contains("\\Draft") }
                }
                try check(told == mark, "STORE of UID \(uid)")
            }
            return 200
        }
        let some = min(count / 4, 5000)
        try recorder.once("change/copy") {
            try self.checkCopy(try client.run("UID COPY 1:\(some) Copies"), 1...some, 1...some)
            return some
        }
        try recorder.once("change/move") {
            var gone = 0
            var copied = false
            let text = try client.run("UID MOVE 1:\(some) Moved") { response in
                if response.number(of: "EXPUNGE") != nil { gone += 1 }
                if response.text.range(of: "COPYUID") != nil {
                    try self.checkCopy(response.text, 1...some, 1...some)
                    copied = true
                }
            }
            if !copied { try self.checkCopy(text, 1...some, 1...some) }
            try check(gone == some, "MOVE told of \(gone) messages gone of \(some)")
            return some
        }
        try recorder.once("change/expunge") {
            let range = some + 1...some + (count - some) / 2
            try client.run("UID STORE \(range.lowerBound):\(range.upperBound) +FLAGS.SILENT (\\Deleted)")
            var gone = 0
            try client.run("EXPUNGE") { if $0.number(of: "EXPUNGE") != nil { gone += 1 } }
            try check(gone == range.count, "EXPUNGE told of \(gone) messages of \(range.count)")
            return range.count
        }
        let left = count - some - (count - some) / 2
        for (mailbox, first, wanted) in [
            ("INBOX", count - left, left), ("Copies", 0, some), ("Moved", 0, some),
        ] {
            try check(try client.select(mailbox) == wanted, "\(mailbox) has not \(wanted) messages")
            var next = first
            try client.run("FETCH 1:* (BODY.PEEK[])") { response in
                guard let literal = response.literals.first else { return }
                let number = try TestMail.verify(literal)
                try check(number == next, "\(mailbox): message \(number) in the place of \(next)")
                next += 1
            }
            try check(next == first + wanted, "\(mailbox): \(next - first) messages of \(wanted)")
        }
    }

    private static func checkCopy(_ text: String, _ from: ClosedRange<Int>, _ to: ClosedRange<Int>) throws {
        let wanted = " \(from.lowerBound):\(from.upperBound) \(to.lowerBound):\(to.upperBound)]"
        try check(text.range(of: "COPYUID") != nil && text.range(of: wanted) != nil, "COPYUID: \(text.prefix(200))")
    }
}
