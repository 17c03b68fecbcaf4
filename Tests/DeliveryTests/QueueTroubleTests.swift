import MailCore
import MailStore
import Synchronization
import Testing

@testable import Delivery

/// Mails whose queue has trouble.
@Suite struct QueueTroubleTests {
    private func options(_ now: Int64, _ lines: @escaping @Sendable (String) -> Void) -> OutgoingRunner.Options {
        var options = OutgoingRunner.Options(TakingTransport())
        options.troublePause = .zero
        options.clock = { now }
        options.report = lines
        options.log = lines
        return options
    }

    /// An index that cannot be read may be made again: until then nothing leaves the queue.
    @Test(arguments: [StoreError.Code.damaged, .expunged])
    func contentThatCannotBeReadWaits(_ code: StoreError.Code) async throws {
        let queue = TroubledQueue { (_, _) async throws(StoreError) in throw StoreError(code, "no body") }
        let lines = Mutex<[String]>([])
        let store = QueueStore(queue)
        let runner = try #require(
            OutgoingRunner(store, self.options(1000) { line in lines.withLock { $0.append(line) } }))
        await runner.sendDue()
        #expect(queue.notes == ["deferred 1060"])
        #expect(lines.withLock { $0.last }?.contains("its content cannot be read: \(code): no body") == true)
        // When its time is over, that is told.
        let late = try #require(
            OutgoingRunner(store, self.options(1_000_000) { line in lines.withLock { $0.append(line) } }))
        queue.putBack(TroubledQueue.id)
        await late.sendDue()
        #expect(queue.notes == ["deferred 1060", "gone"])
        #expect(lines.withLock { $0.last }?.contains("its content is lost, and it leaves the queue") == true)
    }

    /// What fails for the moment is put back at once.
    @Test func troubleOfTheMomentPutsBack() async throws {
        let queue = TroubledQueue { (_, attempt) async throws(StoreError) in
            if attempt == 1 { throw StoreError(.temporary, "index") }
        }
        let runner = try #require(OutgoingRunner(QueueStore(queue), self.options(1000) { _ in }))
        await runner.sendDue()
        #expect(queue.notes == [])
        await runner.sendDue()
        #expect(queue.notes == ["handedOver", "gone"])
    }

    /// One that is put back while somebody has it in hand is taken again by then at the latest, and not by the next start
    /// alone.
    @Test(.timeLimit(.minutes(5))) func putBackWhileInHand() async throws {
        let (lines, line) = AsyncStream.makeStream(of: String.self)
        let queue = TroubledQueue { (queue, attempt) async throws(StoreError) in
            guard attempt == 1 else { return }
            await queue.hurry()
            throw StoreError(.notFound, "not now")
        }
        let runner = try #require(OutgoingRunner(QueueStore(queue), self.options(1000) { line.yield($0) }))
        let running = Task { await runner.run() }
        for await text in lines where text.hasSuffix("handed to the MTA") { break }
        running.cancel()
        await running.value
        #expect(queue.notes == ["handedOver", "gone"])
        // Once in hand, once too early, once more.
        #expect(queue.taken == 3)
    }
}

/// A queue of one mail.
private final class TroubledQueue: OutgoingQueue {
    static let id = OutgoingID(delivery: 1, number: 0)

    private struct State {
        var isDue = true
        var isGone = false
        var attempts = 0
        var taken = 0
        var notes: [String] = []
        var watcher: (@Sendable () -> Void)?
        var takers: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    private let trouble: @Sendable (TroubledQueue, Int) async throws(StoreError) -> Void

    /// - Parameter trouble: called for each look at the content, with its number.
    init(_ trouble: @escaping @Sendable (TroubledQueue, Int) async throws(StoreError) -> Void) {
        self.trouble = trouble
    }

    let identity: UInt64 = 1
    let load = (count: 1, octets: UInt64(1))
    var notes: [String] { self.state.withLock { $0.notes } }
    var taken: Int { self.state.withLock { $0.taken } }

    var mails: [QueuedMail] {
        [
            QueuedMail(
                id: Self.id, account: AccountIdentity(name: "anna", home: "/", mailPath: "/"), purpose: .redirect,
                sender: "a@example.org", recipient: "x@example.net", size: 1, queuedAt: 1000, attempts: 0,
                nextAttempt: 1000, lastError: "", isHandedOver: false)
        ]
    }

    func takeDue(at now: Int64, longest: Int64) -> DueMail {
        let (isTaken, takers) = self.state.withLock { state -> (Bool, [CheckedContinuation<Void, Never>]) in
            guard state.isDue, !state.isGone else { return (false, []) }
            state.isDue = false
            state.taken += 1
            defer { state.takers = [] }
            return (true, state.takers)
        }
        for taker in takers { taker.resume() }
        return isTaken ? .mail(self.mails[0]) : .none
    }

    func putBack(_ id: OutgoingID) { self.state.withLock { $0.isDue = true } }

    /// Puts the mail back and waits until it is taken.
    func hurry() async {
        await withCheckedContinuation { continuation in
            let watcher = self.state.withLock { state in
                state.isDue = true
                state.takers.append(continuation)
                return state.watcher
            }
            watcher?()
        }
    }

    func content(of id: OutgoingID) async throws(StoreError) -> QueuedContent {
        let attempt = self.state.withLock { state in
            state.attempts += 1
            return state.attempts
        }
        try await self.trouble(self, attempt)
        return QueuedContent(prefix: [], message: MessageOctets(Array("Subject: x\r\n\r\n".utf8)))
    }

    func note(_ change: OutgoingChange, of id: OutgoingID) async throws(StoreError) {
        self.state.withLock { state in
            switch change {
            case .handedOver: state.notes.append("handedOver")
            case .deferred(let time, _): state.notes.append("deferred \(time)")
            case .gone:
                state.notes.append("gone")
                state.isGone = true
            }
        }
    }

    func watch(_ body: @escaping @Sendable () -> Void) { self.state.withLock { $0.watcher = body } }
}

/// A store that has a queue and nothing else.
private struct QueueStore: MailStore {
    let threads = StorageThreads(count: 1, maximumQueued: 1)
    let outgoingQueue: (any OutgoingQueue)?

    init(_ queue: any OutgoingQueue) { self.outgoingQueue = queue }

    private static let none = StoreError(.cannot, "a queue alone")

    func account(_ identity: AccountIdentity) async throws(StoreError) -> any MailAccount { throw Self.none }
    func makeSpool() -> MessageSpool { MessageSpool(directory: "/nonexistent", threads: self.threads) }
    func deposit(_ deposits: [Deposit]) async -> [Result<StoredMessage, StoreError>] {
        deposits.map { _ in .failure(Self.none) }
    }
    func depositAll(_ deposits: [Deposit]) async throws(StoreError) -> [StoredMessage] { throw Self.none }
    func replace(
        _ uid: UID, in mailbox: any Mailbox, by deposit: Deposit
    ) async throws(StoreError) -> StoredMessage { throw Self.none }
    func accountNames() async throws(StoreError) -> [String] { [] }
    func expire(
        _ rules: [ExpiryRule], pause: @Sendable (_ worked: Bool) async -> Bool
    ) async throws(StoreError) -> ExpiryReport { throw Self.none }
    func close() async {}
}

/// Takes every mail.
private struct TakingTransport: MailTransport {
    let canSend = true
    func send(_ mail: QueuedMail, of queue: UInt64, _ arguments: [String], _ next: () -> [UInt8]) -> MailFate {
        while !next().isEmpty {}
        return .sent
    }
    func fate(of mail: QueuedMail, of queue: UInt64) -> MailFate? { .sent }
}
