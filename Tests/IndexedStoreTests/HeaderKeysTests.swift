import IndexedStore
import LMDB
import MIMECore
import MailCore
import MailStore
import Testing

@Suite struct HeaderKeysTests {
    private static func message(_ number: Int) -> IncomingMessage {
        IncomingMessage(
            MessageOctets(
                Array("Subject: Re: number \(number)\r\nMessage-ID: <\(number)@x>\r\n\r\nbody \(number)\r\n".utf8)))
    }

    /// The base subjects that keys have, by UID; messages without keys are left out.
    private func subjects(_ mailbox: any Mailbox) async throws -> [UInt32: String] {
        var found: [UInt32: String] = [:]
        let records = mailbox.snapshot().records
        var seen = 0
        try await mailbox.headerKeys(of: records) { position, keys in
            seen += 1
            if let keys {
                found[records[position].uid.rawValue] =
                    keys.baseSubject.map { String(decoding: $0, as: UTF8.self) } ?? "?"
            }
            return true
        }
        #expect(seen == records.count)
        return found
    }

    /// An index of a release that kept no keys: they are made in the background.
    @Test(arguments: TestFormat.allCases) func oldIndexGetsKeys(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        let expected = Dictionary(uniqueKeysWithValues: (1...700).map { (UInt32($0), "NUMBER \($0)") })
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            for number in 1...700 { try await store.put(Self.message(number), account) }
            let inbox = try await account.open(.inbox, .readOnly, onChange: {})
            #expect(try await self.subjects(inbox) == expected)
            inbox.close()
        }
        do {
            var options = Environment.Options()
            options.durability = .noSync
            let environment = try Environment(path: "\(volume.directory)/volume/index", options: options)
            defer { environment.close() }
            let keys = try environment.database("headerkeys")
            let meta = try environment.database("meta")
            try environment.write { (transaction) throws(LMDBError) in
                var names: [[UInt8]] = []
                do {
                    let cursor = try transaction.cursor(keys)
                    var entry = try cursor.first()
                    while let found = entry {
                        // Some are left, and one is of another version.
                        if names.count != 300 { names.append(Array(found.key)) }
                        entry = try cursor.next()
                    }
                }
                for name in names { try transaction.delete(keys, name) }
                try transaction.put(keys, names[7], [0, 1, 2, 3, 4, 5, 6, 7])
                try transaction.put(meta, Array("signatures".utf8), [1, 0, 0, 0, 0, 0, 0, 0])
            }
        }
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            try await store.finishSignatures()
            #expect(try await store.unsignedMessages() == 0)
            let inbox = try await account.open(.inbox, .readOnly, onChange: {})
            #expect(try await self.subjects(inbox) == expected)
            inbox.close()
        }
    }
}
