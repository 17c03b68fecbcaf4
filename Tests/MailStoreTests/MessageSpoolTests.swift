import Glibc
import MailStore
import Testing

@Suite struct MessageSpoolTests {
    static let cases: [(String, String)] = [
        ("", ""), ("a\r\nb\r\n", "a\r\nb\r\n"), ("a\nb\n", "a\r\nb\r\n"), ("\n\n", "\r\n\r\n"),
        ("a\rb", "a\rb"), ("ends in CR\r", "ends in CR\r"), ("\r\r\n", "\r\r\n"), ("a\r\n\nb", "a\r\n\r\nb"),
    ]

    /// Whatever the pieces, the message is the same, in memory and in a file.
    @Test(arguments: [1_000_000, 1])
    func lineEndsAtEverySplit(_ memoryLimit: Int) async throws {
        let threads = StorageThreads(count: 1)
        defer { threads.stop() }
        for (input, expected) in Self.cases {
            let bytes = Array(input.utf8)
            for split in 0...bytes.count {
                var spool = MessageSpool(directory: "/tmp", threads: threads, memoryLimit: memoryLimit)
                try await spool.append(Array(bytes[..<split]))
                try await spool.append(Array(bytes[split...]))
                #expect(spool.count == expected.utf8.count)
                let message = try await spool.finish()
                let text = message.octets.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
                #expect(text == expected)
            }
        }
    }

    /// And no missing mailbox, which is what `.notFound` would tell a client.
    @Test func missingDirectoryIsTheServersFault() async {
        let threads = StorageThreads(count: 1)
        defer { threads.stop() }
        var spool = MessageSpool(directory: "/nonexistent-directory", threads: threads, memoryLimit: 4)
        do throws(StoreError) {
            try await spool.append([1, 2, 3, 4])
            Issue.record("no error")
        } catch {
            #expect(error.code == .temporary)
        }
    }

    @Test func refusedWorkIsAnError() async {
        let threads = StorageThreads(count: 1)
        threads.stop()
        await #expect(throws: StoreError.self) { try await threads.run { () throws(StoreError) -> Int in 1 } }
    }
}
