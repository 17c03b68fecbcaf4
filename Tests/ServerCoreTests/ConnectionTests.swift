import Glibc
import NIOCore
import NIOPosix
import ServerCore
import Synchronization
import Testing

/// What a session found, carried out of it.
final class Box<Value: Sendable>: Sendable {
    private let state: Mutex<Value>
    init(_ value: Value) { self.state = Mutex(value) }
    var value: Value { self.state.withLock { $0 } }
    func update(_ body: (inout Value) -> Void) { self.state.withLock { body(&$0) } }
}

actor Elsewhere {
    func visit() {}
}

/// A session as servers write them: an actor on its connection's loop.
actor ThreadSession {
    let connection: Connection
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        self.connection.executor.asUnownedSerialExecutor()
    }

    init(_ connection: Connection) { self.connection = connection }

    /// The threads it was seen on.
    func run() async -> Set<UInt> {
        var threads: Set<UInt> = [pthread_self()]
        let elsewhere = Elsewhere()
        for _ in 0..<20 {
            try? await self.connection.readMore()
            threads.insert(pthread_self())
            _ = await self.connection.wait(for: .signal, timeout: .zero)
            threads.insert(pthread_self())
            await elsewhere.visit()
            threads.insert(pthread_self())
            await Task.yield()
            threads.insert(pthread_self())
            _ = try? await NIOThreadPool.singleton.runIfActive { 1 }
            threads.insert(pthread_self())
            threads.formUnion(await self.helper())
            self.connection.consume(self.connection.unread)
            self.connection.write("go\r\n")
            try? await self.connection.flush()
        }
        return threads
    }

    nonisolated func helper() async -> Set<UInt> {
        await Task.yield()
        return [pthread_self()]
    }
}

@Suite struct ConnectionTests {
    /// Echoes lines until the connection ends.
    @Sendable static func echo(_ connection: Connection) async {
        do {
            while true {
                let end = connection.withInput { (span: Span<UInt8>) -> Int? in
                    for index in span.indices where span[index] == 0x0A { return index + 1 }
                    return nil
                }
                guard let end else {
                    try await connection.readMore()
                    continue
                }
                connection.write(connection.take(end))
                try await connection.flush()
            }
        } catch {}
    }

    @Test func sessionNeverLeavesItsLoop() async throws {
        let threads = Box<Set<UInt>>([])
        let server = try await TestServer.start { connection in
            let seen = await ThreadSession(connection).run()
            threads.update { $0 = seen }
        }
        try await server.client { client in
            for _ in 0..<20 {
                try client.send("x")
                _ = try client.line()
            }
            _ = try client.rest()
        }
        await server.stop()
        #expect(threads.value.count == 1)
    }

    /// Sessions at work in slices, two on each loop, let the input of another one in.
    @Test func slicesLetOtherSessionsIn() async throws {
        let stopped = Box(false)
        let ends = Box<[Bool]>([])
        let server = try await TestServer.start { connection in
            try? await connection.readMore()
            let isWorker = connection.withInput { $0.count > 0 && $0[0] == UInt8(ascii: "w") }
            connection.consume(connection.unread)
            guard isWorker else {
                stopped.update { $0 = true }
                return
            }
            connection.write("working\r\n")
            try? await connection.flush()
            let end = ContinuousClock.now + .seconds(10)
            while !stopped.value, ContinuousClock.now < end { await Task.yield() }
            let wasStopped = stopped.value
            ends.update { $0.append(wasStopped) }
        }
        try await server.client { first in
            var workers = [first]
            for _ in 0..<3 { workers.append(try Client(port: server.port)) }
            for worker in workers { try worker.send("w\r\n") }
            for worker in workers { _ = try worker.line() }
            let last = try Client(port: server.port)
            try last.send("stop\r\n")
            _ = try last.rest()
            for worker in workers { _ = try worker.rest() }
            for client in workers.dropFirst() + [last] { client.close() }
        }
        await server.stop()
        #expect(ends.value == [true, true, true, true])
    }

    @Test func linesArriveSplitAtEachOctet() async throws {
        let server = try await TestServer.start(Self.echo)
        let answer = try await server.client { client in
            for octet in "hello\r\nworld\r\n" { try client.send(String(octet)) }
            shutdown(client.descriptor, Int32(SHUT_WR))
            return try client.rest()
        }
        await server.stop()
        #expect(answer == [UInt8]("hello\r\nworld\r\n".utf8))
    }

    /// Half of the input comes before the peer closes its side: what was asked is answered all the same.
    @Test func lastLineReachesPeerThatSentTooMuch() async throws {
        let server = try await TestServer.start { connection in
            try? await connection.readMore()
            connection.write("* BYE\r\n")
        }
        let answer = try await server.client { client in
            try client.send(String(repeating: "x", count: 300_000))
            shutdown(client.descriptor, Int32(SHUT_WR))
            return try client.rest()
        }
        await server.stop()
        #expect(answer == [UInt8]("* BYE\r\n".utf8))
    }

    @Test func inputIsNotReadWithoutEnd() async throws {
        let held = Box(0)
        let server = try await TestServer.start { connection in
            // Not reading: only the read-ahead may pile up.
            _ = await connection.wait(for: .signal, timeout: .milliseconds(100))
            let unread = connection.unread
            held.update { $0 = unread }
            connection.write("done\r\n")
        }
        let line = try await server.client { client in
            var buffer = [UInt8](repeating: 0x61, count: 1 << 20)
            for _ in 0..<16 {
                _ = send(client.descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            }
            return try client.line()
        }
        await server.stop()
        #expect(line == "done\r\n")
        #expect(held.value > 0 && held.value < 16 * 1024 + 4 * 32 * 1024 + 1)
    }

    @Test func flushWaitsForSlowReader() async throws {
        let produced = Box(0)
        var settings = ConnectionSettings()
        settings.outputHeld = 64 * 1024
        let total = 32 << 20
        let server = try await TestServer.start(settings: settings) { connection in
            let chunk = [UInt8](repeating: 0x62, count: 64 * 1024)
            do {
                for _ in 0..<(total / chunk.count) {
                    connection.write(chunk)
                    try await connection.flush()
                    produced.update { $0 += chunk.count }
                }
            } catch {}
        }
        let (before, received) = try await server.client { client in
            _ = try client.receive(atMost: 1)
            // The kernel's buffers fill, then the session waits; it must not have produced everything.
            var before = -1
            while before != produced.value {
                before = produced.value
                usleep(50_000)
            }
            return (before, try client.rest().count + 1)
        }
        await server.stop()
        #expect(before < total)
        #expect(received == total)
    }

    @Test func slowReaderIsCutOff() async throws {
        let failure = Box<ConnectionError?>(nil)
        var settings = ConnectionSettings()
        settings.outputHeld = 64 * 1024
        settings.outputTimeout = .milliseconds(50)
        let server = try await TestServer.start(settings: settings) { connection in
            let chunk = [UInt8](repeating: 0x62, count: 64 * 1024)
            do throws(ConnectionError) {
                while true {
                    connection.write(chunk)
                    try await connection.flush()
                }
            } catch {
                failure.update { $0 = error }
            }
        }
        try await server.client { client in
            while failure.value == nil { usleep(10_000) }
        }
        await server.stop()
        #expect(failure.value?.code == .slowReader)
    }

    @Test func waitAnswersWhatHappened() async throws {
        let seen = Box<[Wakeup]>([])
        let current = Box<Connection?>(nil)
        let server = try await TestServer.start { connection in
            current.update { $0 = connection }
            func note(_ wakeup: Wakeup) { seen.update { $0.append(wakeup) } }
            note(await connection.wait(for: .input, timeout: .milliseconds(5)))
            connection.write("1\r\n")
            try? await connection.flush()
            note(await connection.wait(for: [.input, .signal], timeout: nil))
            connection.write("2\r\n")
            try? await connection.flush()
            note(await connection.wait(for: [.input, .signal], timeout: nil))
            connection.consume(connection.unread)
            // A signal nobody waited for is kept; two are one.
            connection.signal()
            connection.signal()
            note(await connection.wait(for: .input, timeout: .milliseconds(5)))
            note(await connection.wait(for: [.input, .signal], timeout: nil))
            note(await connection.wait(for: [.input, .signal], timeout: .milliseconds(5)))
            connection.write("3\r\n")
            try? await connection.flush()
            note(await connection.wait(for: [.input, .signal], timeout: nil))
            do throws(ConnectionError) { try await connection.readMore() } catch {
                seen.update { $0.append(error.code == .shutdown ? .shutdown : .closed) }
            }
            current.update { $0 = nil }
        }
        try await server.client { client in
            _ = try client.line()
            current.value?.signal()
            _ = try client.line()
            try client.send("x")
            _ = try client.line()
            _ = server.registry.kick { $0.service == "test" }
            _ = try client.rest()
        }
        await server.stop()
        #expect(
            seen.value == [.timeout, .signal, .input, .timeout, .signal, .timeout, .shutdown, .shutdown])
    }

    @Test func waitAnswersClosed() async throws {
        let seen = Box<Wakeup?>(nil)
        let server = try await TestServer.start { connection in
            let wakeup = await connection.wait(for: .signal, timeout: nil)
            seen.update { $0 = wakeup }
        }
        try await server.client { client in client.close() }
        while seen.value == nil { await Task.yield() }
        await server.stop()
        #expect(seen.value == .closed)
    }

    @Test(arguments: [true, false])
    func deadlinesEndReads(login: Bool) async throws {
        var settings = ConnectionSettings()
        if login {
            settings.loginTimeout = .milliseconds(20)
        } else {
            settings.inactivityTimeout = .milliseconds(20)
        }
        let failure = Box<ConnectionError?>(nil)
        let server = try await TestServer.start(settings: settings) { connection in
            do throws(ConnectionError) {
                while true { try await connection.readMore() }
            } catch {
                failure.update { $0 = error }
            }
        }
        _ = try await server.client { client in try client.rest() }
        await server.stop()
        #expect(failure.value?.code == .timedOut)
        #expect(failure.value?.reason == (login ? "Too slow to log in" : "Inactivity"))
    }

    @Test func limitsTurnPeersAway() async throws {
        let server = try await TestServer.start(
            limits: ConnectionLimits(maximum: 1, waiting: WaitingLimit(maximum: 0))
        ) {
            connection in
            connection.write("* OK\r\n")
            try? await connection.flush()
            try? await connection.readMore()
        }
        let second = try await server.client { first in
            _ = try first.line()
            let client = try Client(port: server.port)
            defer { client.close() }
            return try client.rest()
        }
        await server.stop()
        #expect(second == [UInt8]("* BYE Too many connections\r\n".utf8))
    }

    /// Whoever opens connections and says nothing keeps nobody out, and takes no place of those who have logged in.
    @Test func connectionsWithoutLoginMakeRoom() async throws {
        let reasons = Box<[String]>([])
        let server = try await TestServer.start(
            limits: ConnectionLimits(maximum: 2, waiting: WaitingLimit(maximum: 0), hasLogin: true)
        ) { connection in
            do throws(ConnectionError) {
                connection.write("* OK\r\n")
                try await connection.flush()
                while true {
                    try await connection.readMore()
                    connection.consume(connection.unread)
                    connection.write(connection.authenticated(user: "u", limit: 0) ? "yes\r\n" : "no\r\n")
                    try await connection.flush()
                }
            } catch {
                reasons.update { $0.append(error.reason) }
            }
        }
        let answers = try await server.client { first in
            var answers = [try first.line()]
            try first.send("LOGIN\r\n")
            answers.append(try first.line())
            let second = try Client(port: server.port)
            answers.append(try second.line())
            let third = try Client(port: server.port)
            answers.append(try third.line())
            answers.append(String(decoding: (try? second.rest()) ?? [], as: UTF8.self))
            try third.send("LOGIN\r\n")
            answers.append(try third.line())
            let fourth = try Client(port: server.port)
            answers.append(try fourth.line())
            for client in [second, third, fourth] { client.close() }
            return answers
        }
        await server.stop()
        #expect(
            answers == ["* OK\r\n", "yes\r\n", "* OK\r\n", "* OK\r\n", "", "yes\r\n", "* BYE Too many connections\r\n"])
        #expect(reasons.value.first == "No login, and the place was needed for another connection")
    }

    /// A reload counts for those who come later.
    @Test func otherLimitsCountAtOnce() async throws {
        let limits = ConnectionLimits(maximum: 1, waiting: WaitingLimit(maximum: 0))
        let server = try await TestServer.start(limits: limits) { connection in
            connection.write("* OK\r\n")
            try? await connection.flush()
            try? await connection.readMore()
        }
        var settings = ConnectionSettings()
        settings.loginTimeout = .milliseconds(50)
        server.listener.replace(settings)
        limits.replace(maximum: 2)
        let lines = try await server.client { first in
            let lines = [try first.line()]
            let second = try Client(port: server.port)
            let third = try Client(port: server.port)
            defer {
                second.close()
                third.close()
            }
            return try lines + [second.line(), third.line(), String(decoding: first.rest(), as: UTF8.self)]
        }
        await server.stop()
        #expect(lines == ["* OK\r\n", "* OK\r\n", "* BYE Too many connections\r\n", ""])
    }

    /// A session that is over still has its connection, and peers that do not close make it last.
    @Test func closingConnectionsCount() async throws {
        var settings = ConnectionSettings()
        settings.lingerTime = .seconds(60)
        let limits = ConnectionLimits(maximum: 1, waiting: WaitingLimit(maximum: 0))
        let server = try await TestServer.start(settings: settings, limits: limits) { connection in
            connection.write("* BYE\r\n")
        }
        let first = try Client(port: server.port)
        #expect(try first.rest() == [UInt8]("* BYE\r\n".utf8))
        await server.registry.waitUntilEmpty()
        #expect(limits.total == 1)
        let second = try await server.client { try $0.line() }
        #expect(second == "* BYE Too many connections\r\n")
        first.close()
        await server.stop()
    }

    /// Refused connections are not counted as connections, so only some of them get to read why.
    @Test func refusalsAreBounded() async throws {
        var settings = ConnectionSettings()
        settings.lingerTime = .seconds(60)
        let server = try await TestServer.start(
            settings: settings, limits: ConnectionLimits(maximum: 1, waiting: WaitingLimit(maximum: 0))
        ) { connection in
            connection.write("* OK\r\n")
            try? await connection.flush()
            try? await connection.readMore()
        }
        let told = try await server.client { first in
            _ = try first.line()
            var clients: [Client] = []
            defer { for client in clients { client.close() } }
            var told = 0
            for _ in 0..<80 {
                let client = try Client(port: server.port)
                clients.append(client)
                if (try? client.line()) == "* BYE Too many connections\r\n" { told += 1 }
            }
            return told
        }
        await server.stop()
        #expect(told == 64)
    }

    @Test func userLimitCountsLogins() async throws {
        let server = try await TestServer.start(
            limits: ConnectionLimits(maximum: 0, waiting: WaitingLimit(maximum: 1))
        ) {
            connection in
            connection.write(connection.authenticated(user: "u", limit: 2) ? "yes\r\n" : "no\r\n")
            try? await connection.flush()
            try? await connection.readMore()
        }
        let answers = try await server.client { first in
            var answers = [try first.line()]
            let second = try Client(port: server.port)
            answers.append(try second.line())
            let third = try Client(port: server.port)
            answers.append(try third.line())
            third.close()
            second.close()
            return answers
        }
        await server.stop()
        // the limit of waiting connections is 1: each login freed the place of the next connection.
        #expect(answers == ["yes\r\n", "yes\r\n", "no\r\n"])
    }
}
