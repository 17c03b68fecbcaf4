import MailCore
import MailStore
import Synchronization
import Testing

@Suite struct AccountFeedTests {
    private let box = MailboxName("box")

    @Test func tellsEachWatchOnce() throws {
        let box = try #require(self.box)
        let feed = AccountFeed()
        feed.post(.created(box))
        #expect(!feed.isWatched)
        let calls = Mutex(0)
        let first = feed.watch { calls.withLock { $0 += 1 } }
        let second = feed.watch {}
        feed.post(.created(box))
        feed.touch(box)
        feed.touch(box)
        #expect(calls.withLock { $0 } == 3)
        let changes = first.take()
        #expect(changes.events == [.created(box)])
        #expect(changes.touched == [box])
        #expect(first.take().isEmpty)
        second.forget { $0 == .created(box) }
        #expect(second.take().events.isEmpty)
        first.stop()
        feed.touch(box)
        #expect(first.take().isEmpty)
        #expect(feed.isWatched)
        second.stop()
        #expect(!feed.isWatched)
    }

    @Test func isBounded() throws {
        let box = try #require(self.box)
        let feed = AccountFeed()
        let watch = feed.watch {}
        for _ in 0...AccountWatch.maximumEvents { feed.post(.created(box)) }
        let changes = watch.take()
        #expect(changes.hasOverflowed)
        #expect(changes.events.isEmpty)
        feed.post(.created(box))
        #expect(watch.take().events.count == 1)
        watch.stop()
    }

    /// However many lists change, it is one look at what can be seen.
    @Test func changesOfListsAreToldOnce() throws {
        let box = try #require(self.box)
        let feed = AccountFeed()
        let watch = feed.watch {}
        for _ in 0...AccountWatch.maximumEvents { feed.post(.accessChanged([])) }
        feed.post(.created(box))
        feed.post(.accessChanged([.user("tim")]))
        let changes = watch.take()
        #expect(!changes.hasOverflowed)
        #expect(changes.events == [.accessChanged([]), .created(box), .accessChanged([.user("tim")])])
        watch.stop()
    }

    @Test func touchedFollowsARename() throws {
        let names = try ["old", "old/child", "older", "new", "new/child"].map { try #require(MailboxName($0)) }
        let feed = AccountFeed()
        let watch = feed.watch {}
        for name in names[..<3] { feed.touch(name) }
        feed.post(.renamed(from: names[0], to: names[3]))
        #expect(watch.take().touched == [names[3], names[4], names[2]])
        watch.stop()
    }
}
