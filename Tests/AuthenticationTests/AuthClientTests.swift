import Authentication
import Glibc
import SASLCore
import Synchronization
import TemporaryFiles
import Testing

struct AuthClientTests {
    static let request = AuthenticationRequest(
        service: "imap", remoteAddress: "127.0.0.1", remotePort: 4, localAddress: "::1", localPort: 143,
        security: .tls, session: "s")

    @Test func logsIn() async throws {
        let running = try RunningService()
        let client = AuthClient(path: running.mailPath, timeout: 10)
        defer { client.stop() }
        let record = UserRecord(
            user: "ann", uid: 1000, gid: 1001, home: "/home/ann", mailLocation: "maildir:~/M",
            fields: ["quota": "1G"])
        let ann = AuthenticationOutcome.success(Identity(user: "ann", fields: ["color": "blue"]), record)
        #expect(await client.authenticate(Self.request, user: "Ann", password: Array("apass".utf8)) == ann)
        #expect(
            await client.authenticate(Self.request, user: "ann", password: Array("x".utf8))
                == .failure(AuthenticationFailure(.credentials)))
        #expect(
            await client.authenticate(Self.request, user: "a\0b", password: [1])
                == .failure(AuthenticationFailure(.credentials)))
        #expect(
            await client.authenticate(Self.request, user: "off", password: Array("x".utf8))
                == .failure(AuthenticationFailure(.userDisabled, message: "Moved")))
        #expect(await client.lookup("ann", Self.request) == .found(record))
        #expect(await client.lookup("nobody", Self.request) == .notFound)
        #expect(try await client.list(matching: "a*", Self.request) == ["ann", "alias"])
        _ = await client.authenticate(Self.request, user: "slow", password: Array("U*U".utf8))
        #expect(try await client.flushCache() == 1)
        withExtendedLifetime(running) {}
    }

    @Test func runsExchanges() async throws {
        let running = try RunningService()
        let client = AuthClient(path: running.mailPath, timeout: 10)
        defer { client.stop() }
        var challenges: [String] = []
        let outcome = await client.authenticate(Self.request, mechanism: .login, initialResponse: nil) {
            challenges.append(String(decoding: $0, as: UTF8.self))
            return .response(Array((challenges.count == 1 ? "ann" : "apass").utf8))
        }
        #expect(challenges == ["Username:", "Password:"])
        guard case .success(let identity, _) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(identity.user == "ann")
        let replies: [(SASLClientReply, AuthenticationFailure.Code)] = [
            (.cancelled, .cancelled), (.malformed, .malformedResponse), (.response([]), .malformedResponse),
        ]
        for (reply, code) in replies {
            let outcome = await client.authenticate(
                Self.request, mechanism: .plain, initialResponse: nil
            ) { _ in reply }
            guard case .failure(let failure) = outcome else {
                Issue.record("\(outcome)")
                continue
            }
            #expect(failure.code == code)
        }
        // An empty initial response is one (RFC 4959 section 3): there is nothing to ask for.
        let empty = await client.authenticate(Self.request, mechanism: .plain, initialResponse: []) { _ in
            Issue.record("a challenge behind an initial response")
            return .cancelled
        }
        guard case .failure(let failure) = empty else {
            Issue.record("\(empty)")
            return
        }
        #expect(failure.code == .malformedResponse)
        withExtendedLifetime(running) {}
    }

    /// Open exchanges are counted over there: one that was given up here must not stay.
    @Test func answersThatAreTooLongEndTheExchange() async throws {
        let directory = try TemporaryDirectory()
        let listener = try listen(directory.path + "/mail")
        let (lines, seen) = AsyncStream<String>.makeStream()
        startThread {
            let fd = accept(listener, nil, nil)
            func say(_ text: String) { _ = send(fd, text, text.utf8.count, CInt(MSG_NOSIGNAL)) }
            say("VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nDONE\n")
            var held = ""
            var buffer = [UInt8](repeating: 0, count: 1024)
            while case let count = recv(fd, &buffer, buffer.count, 0), count > 0 {
                held += String(decoding: buffer[..<count], as: UTF8.self)
                while let end = held.firstIndex(of: "\n") {
                    if held.hasPrefix("AUTH\t") { say("CONT\t\(held.split(separator: "\t")[1])\t\n") }
                    seen.yield(String(held[..<end]))
                    held.removeSubrange(...end)
                }
            }
            seen.finish()
            close(fd)
            close(listener)
        }
        let client = AuthClient(path: directory.path + "/mail", timeout: 10)
        let outcome = await client.authenticate(Self.request, mechanism: .plain, initialResponse: nil) { _ in
            .response([UInt8](repeating: 0x41, count: 13_000))
        }
        #expect(outcome == .failure(AuthenticationFailure(.malformedResponse)))
        var last = ""
        for await line in lines {
            last = line
            if line.hasPrefix("CANCEL") { break }
        }
        #expect(last == "CANCEL\t1")
        client.stop()
    }

    @Test func manyAtATime() async throws {
        let running = try RunningService { $0.failureDelay = 20 }
        let client = AuthClient(path: running.mailPath, timeout: 10)
        defer { client.stop() }
        let good = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<200 {
                group.addTask {
                    let password = number % 10 == 0 ? "wrong" : "apass"
                    let outcome = await client.authenticate(
                        Self.request, user: "ann", password: Array(password.utf8))
                    if case .success = outcome { return true }
                    return false
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(good == 180)
        withExtendedLifetime(running) {}
    }

    @Test func serviceThatIsNotThereIsTemporary() async throws {
        let client = AuthClient(path: "/nonexistent/auth", timeout: 0)
        defer { client.stop() }
        #expect(
            await client.authenticate(Self.request, user: "ann", password: [1])
                == .failure(AuthenticationFailure(.temporary)))
        guard case .temporary = await client.lookup("ann", Self.request) else {
            Issue.record("not temporary")
            return
        }
        await #expect(throws: AuthenticationFailure(.temporary)) {
            try await client.list(matching: "*", Self.request)
        }
    }

    @Test func survivesARestartOfTheService() async throws {
        var running: RunningService? = try RunningService()
        let path = try #require(running?.mailPath)
        let client = AuthClient(path: path, timeout: 10)
        defer { client.stop() }
        guard case .found = await client.lookup("ann", Self.request) else {
            Issue.record("not found")
            return
        }
        // The connection ends; the next request goes to the new service on the same path.
        let directory = running?.directory
        running?.service.stop()
        let again = try #require(directory)
        unlink(path)
        let listener = try listen(path)
        let service = AuthService(
            configuration: try RunningService.configuration(again, LogCollector()), log: { _, _ in })
        startThread {
            service.run(listeners: [AuthListener(descriptor: listener, kind: .mail)])
            close(listener)
        }
        defer { service.stop() }
        guard case .found(let record) = await client.lookup("ann", Self.request) else {
            Issue.record("not found after the restart")
            return
        }
        #expect(record.uid == 1000)
        running = nil
    }

    /// A service that reads one request and closes, twice: each request is repeated once, then it fails.
    @Test func repeatsOnce() async throws {
        let directory = try TemporaryDirectory()
        let listener = try listen(directory.path + "/mail")
        let seen = Mutex(0)
        startThreadCounting(
            listener, connections: 2,
            seen: { line in
                if line.hasPrefix("USER") { seen.withLock { $0 += 1 } }
            })
        let client = AuthClient(path: directory.path + "/mail", timeout: 10)
        defer { client.stop() }
        guard case .temporary = await client.lookup("ann", Self.request) else {
            Issue.record("not temporary")
            return
        }
        #expect((1...2).contains(seen.withLock { $0 }))
    }

    /// Ends the client at the moment when its request has arrived.
    @Test func stopEndsRequests() async throws {
        let directory = try TemporaryDirectory()
        let listener = try listen(directory.path + "/mail")
        let client = AuthClient(path: directory.path + "/mail", timeout: 60)
        startThreadCounting(listener, connections: 1, seen: { if $0.hasPrefix("USER") { client.stop() } })
        guard case .temporary = await client.lookup("ann", Self.request) else {
            Issue.record("not temporary")
            return
        }
    }

    @Test func cancelledTaskEndsItsRequest() async throws {
        let directory = try TemporaryDirectory()
        let listener = try listen(directory.path + "/mail")
        let client = AuthClient(path: directory.path + "/mail", timeout: 60)
        defer { client.stop() }
        let held = Mutex<Task<UserLookup, Never>?>(nil)
        let task = Task { await client.lookup("ann", Self.request) }
        held.withLock { $0 = task }
        startThreadCounting(
            listener, connections: 1,
            seen: { if $0.hasPrefix("USER") { held.withLock { $0?.cancel() } } })
        guard case .temporary = await task.value else {
            Issue.record("an answer without a service")
            return
        }
    }
}

/// Accepts connections one after the other; reads each up to a request, then closes it.
private func startThreadCounting(
    _ listener: Int32, connections: Int, seen: @escaping @Sendable (String) -> Void
) {
    startThread {
        for _ in 0..<connections {
            let fd = accept(listener, nil, nil)
            var text = ""
            var buffer = [UInt8](repeating: 0, count: 1024)
            while !text.contains("USER") {
                let count = recv(fd, &buffer, buffer.count, 0)
                guard count > 0 else { break }
                text += String(decoding: buffer[..<count], as: UTF8.self)
            }
            for line in text.split(separator: "\n") { seen(String(line)) }
            close(fd)
        }
        close(listener)
    }
}
