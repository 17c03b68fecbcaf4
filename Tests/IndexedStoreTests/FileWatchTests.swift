import Glibc
import MailCore
import MailStore
import Synchronization
import Testing

@testable import IndexedStore

/// Files that other programs bring into a mailbox that nobody has open.
@Suite struct FileWatchTests {
    @Test func isHeardOfWhileWatched() async throws {
        let volume = try TestVolume()
        try await volume.with {
            $0.watchesFiles = true
        } _: { store in
            let anna = try await store.account(volume.identity("anna"))
            let (stream, changes) = AsyncStream.makeStream(of: Void.self)
            let watch = anna.feed.watch { changes.yield() }
            let files = try #require(try await anna.watchFiles(of: .inbox))
            Shell.write(Array("Subject: dropped\n\nx\n".utf8), volume.directory + "/anna/new/1.dropped.host")
            for await _ in stream { break }
            #expect(watch.take().touched == [.inbox])
            #expect(try await anna.status(of: .inbox).messages == 1)
            watch.stop()
            withExtendedLifetime(files) {}
        }
    }

    @Test func packsHaveNone() async throws {
        let volume = try TestVolume(.pack)
        try await volume.with { store in
            let anna = try await store.account(volume.identity("anna"))
            #expect(try await anna.watchFiles(of: .inbox) == nil)
        }
    }
}
