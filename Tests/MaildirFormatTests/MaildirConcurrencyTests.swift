import Glibc
import IndexedStore
import MailCore
import MailStore
import Synchronization
import Testing

@testable import MaildirFormat

@Suite struct MaildirConcurrencyTests {
    /// Runs every body on a thread of its own until all have ended.
    private static func inParallel(_ bodies: [@Sendable () -> Void]) {
        var threads: [pthread_t] = []
        for body in bodies {
            var thread = pthread_t()
            let context = Unmanaged.passRetained(Box(body))
            let failed = pthread_create(
                &thread, nil,
                { raw in
                    if let raw { Unmanaged<Box>.fromOpaque(raw).takeRetainedValue().body() }
                    return nil
                }, context.toOpaque())
            if failed == 0 { threads.append(thread) } else { context.release() }
        }
        for thread in threads { pthread_join(thread, nil) }
    }

    private final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    @Test func losesNothingWhileOthersRename() throws {
        let box = try TemporaryMaildir()
        let inbox = try box.account().mailbox(.inbox)
        let count = 300
        for number in 0..<count { box.put("cur/\(number).h:2,", "body \(number)") }
        let done = Atomic(false)
        let problems = TemporaryMaildir.ReportBox()
        Self.inParallel([
            {
                // Another mail program that changes flags all the time.
                var letters = ["", "S", "FS", "RS"]
                while !done.load(ordering: .relaxed) {
                    for number in 0..<count {
                        box.rename("cur/\(number).h:2,\(letters[0])", "cur/\(number).h:2,\(letters[1])")
                    }
                    letters.append(letters.removeFirst())
                }
            },
            {
                for _ in 0..<15 {
                    let found = (try? inbox.scan())?.messages.count ?? -1
                    if found != count { problems.add("scan saw \(found)") }
                }
                for number in 0..<count {
                    let octets = try? inbox.read(BodyLocation("\(number).h"), flags: FileFlags())
                    if octets?.text != "body \(number)" { problems.add("message \(number) not read") }
                }
                done.store(true, ordering: .relaxed)
            },
        ])
        #expect(problems.all == [])
    }

    @Test func preparesInParallel() throws {
        let box = try TemporaryMaildir()
        let inbox = try box.account().mailbox(.inbox)
        let bodies = Mutex<[PreparedBody]>([])
        Self.inParallel(
            (0..<4).map { thread in
                {
                    for number in 0..<50 {
                        let octets = MessageOctets(text: "\(thread) \(number)\r\n")
                        if let body = try? inbox.prepare(octets, flags: FileFlags(), internalDate: 1) {
                            bodies.withLock { $0.append(body) }
                        }
                    }
                }
            })
        let prepared = bodies.withLock { $0 }
        #expect(prepared.count == 200)
        for body in prepared { try inbox.publish(body, flags: FileFlags()) }
        #expect(box.list("new").count == 200)
    }

    @Test func locksOutOtherThreads() throws {
        let box = try TemporaryMaildir { $0.lockTimeout = 10 }
        _ = try box.account()
        let directory = try DirectoryHandle.open(Array(box.maildir.utf8))
        let inside = Atomic(0)
        let problems = TemporaryMaildir.ReportBox()
        Self.inParallel(
            (0..<4).map { _ in
                {
                    for _ in 0..<20 {
                        do throws(StoreError) {
                            try DotLock.hold("x", in: directory, box.options) { () throws(StoreError) in
                                if inside.add(1, ordering: .relaxed).newValue != 1 {
                                    problems.add("two inside")
                                }
                                inside.subtract(1, ordering: .relaxed)
                            }
                        } catch {
                            problems.add("\(error)")
                        }
                    }
                }
            })
        #expect(problems.all == [])
        #expect(box.reports.all == [])
    }

    /// Another program takes our lock for stale, and has one of its own: it keeps it, and what it wrote stays.
    @Test func brokenLock() throws {
        let box = try TemporaryMaildir()
        box.makeFolder()
        let directory = try DirectoryHandle.open(Array(box.maildir.utf8))
        box.put("subscriptions", "theirs\n")
        for isReplaced in [true, false] {
            let lock = try DotLock("subscriptions", in: directory, box.options)
            unlink("\(box.maildir)/subscriptions.lock")
            if isReplaced { box.put("subscriptions.lock", "1:elsewhere.example") }
            do throws(StoreError) {
                try lock.replace(with: Array("ours\n".utf8), mode: 0o600, sync: false)
                Issue.record("written with a lock that another program has broken")
            } catch {
                #expect(error.code == .inUse)
            }
            #expect(box.text("subscriptions") == "theirs\n")
            #expect(box.text("subscriptions.lock") == (isReplaced ? "1:elsewhere.example" : nil))
            unlink("\(box.maildir)/subscriptions.lock")
        }
        #expect(box.list("tmp").isEmpty)
    }
}
