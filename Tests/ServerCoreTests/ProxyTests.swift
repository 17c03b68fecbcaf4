import Glibc
import Synchronization
import Testing

@testable import ServerCore

/// Listeners behind proxies that tell where clients are.
@Suite struct ProxyTests {
    private static let header = "PROXY TCP4 192.0.2.1 198.51.100.2 56324 143\r\n"
    private static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A] + Array("QUIT\n".utf8)

    private static func start(
        trusted: Bool = true, timeout: Duration = .seconds(10), security: ListenerOptions.Security = .clear,
        contexts: TLSContexts = TLSContexts(),
        limits: ConnectionLimits = ConnectionLimits(maximum: 0, waiting: WaitingLimit(maximum: 0))
    ) async throws -> TestServer {
        try await TestServer.start(
            security: security, contexts: contexts, limits: limits,
            proxies: TrustedProxies(timeout: timeout) { trusted && $0.text == "127.0.0.1" }
        ) { connection in
            let remote = connection.remoteAddress
            let local = connection.localAddress
            connection.write(
                Array(
                    "\(remote) \(remote.port) \(local) \(local.port) \(connection.isEncrypted) \(connection.isProtected)\r\n"
                        .utf8))
            try? await connection.flush()
            try? await connection.readMore()
            connection.write(connection.take(connection.unread))
        }
    }

    @Test func sessionsKnowTheClient() async throws {
        let server = try await Self.start()
        let lines = try await server.client { client in
            try client.send(Self.header + "hello")
            return [try client.line(), String(decoding: try client.receive(), as: UTF8.self)]
        }
        #expect(lines == ["192.0.2.1 56324 198.51.100.2 143 false false\r\n", "hello"])
        await server.stop()
    }

    @Test func headersMayComeInPieces() async throws {
        let server = try await Self.start()
        let line = try await server.client { client in
            for octet in Self.header.utf8 {
                try client.send([octet])
                usleep(500)
            }
            return try client.line()
        }
        #expect(line.hasPrefix("192.0.2.1 56324"))
        await server.stop()
    }

    /// What the proxy says of the client's own machine is said of the proxy's: no password crosses in clear for it.
    @Test func nobodyIsLocalThroughAProxy() async throws {
        let server = try await Self.start()
        for header in ["PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n", "PROXY UNKNOWN\r\n"] {
            let line = try await server.client { client in
                try client.send(header)
                return try client.line()
            }
            let address = header.contains("TCP4") ? "127.0.0.1 " : "0.0.0.0 "
            #expect(line.hasPrefix(address) && line.hasSuffix(" false false\r\n"), "\(line)")
        }
        // The proxy speaks for itself: also said for clients, by proxies in a row.
        let line = try await server.client { client in
            try client.send(Self.signature + [0x20, 0x00, 0, 0])
            return try client.line()
        }
        #expect(line.hasPrefix("0.0.0.0 ") && line.hasSuffix(" false false\r\n"), "\(line)")
        await server.stop()
    }

    @Test func proxiesTellOfTLS() async throws {
        let server = try await Self.start()
        let line = try await server.client { client in
            let addresses: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 2, 0, 1, 0, 2]
            try client.send(Self.signature + [0x21, 0x11, 0, 20] + addresses + [0x20, 0, 5, 1, 0, 0, 0, 0])
            return try client.line()
        }
        #expect(line == "192.0.2.1 1 198.51.100.2 2 true true\r\n")
        await server.stop()
    }

    /// Where the client's TLS ends at the proxy, what is agreed on here is nothing that it could bind a login to.
    @Test(arguments: [false, true])
    func handshakesFollowTheHeader(endsAtProxy: Bool) async throws {
        let contexts = TLSContexts(
            try TLSContext(identities: [makeIdentity(["localhost"])], ticketKeys: TLSTicketKeys()))
        let server = try await TestServer.start(
            security: .implicitTLS, contexts: contexts, proxies: TrustedProxies { _ in true }
        ) { connection in
            let bindings = connection.channelBindings.keys.sorted().joined(separator: ",")
            connection.write(Array("\(connection.remoteAddress) \(connection.isEncrypted) [\(bindings)]\r\n".utf8))
        }
        let line = try await server.client { client in
            let addresses: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 2, 0, 1, 0, 2]
            if endsAtProxy {
                try client.send(Self.signature + [0x21, 0x11, 0, 20] + addresses + [0x20, 0, 5, 1, 0, 0, 0, 0])
            } else {
                try client.send(Self.header)
            }
            _ = try client.startTLS()
            return try client.line()
        }
        #expect(line.hasPrefix("192.0.2.1 true ["))
        #expect(line.hasSuffix("[]\r\n") == endsAtProxy, "\(line)")
        await server.stop()
    }

    @Test(arguments: ["a LOGIN user password\r\n", "PROXY TCP4 x\r\n"])
    func nobodyGetsInWithoutAHeader(_ text: String) async throws {
        let server = try await Self.start()
        let rest = try await server.client { client in
            try client.send(text)
            return (try? client.rest()) ?? []
        }
        #expect(rest.isEmpty)
        await server.stop()
    }

    @Test func othersGetNothing() async throws {
        let server = try await Self.start(trusted: false)
        let rest = try await server.client { client in
            try? client.send(Self.header)
            return (try? client.rest()) ?? []
        }
        #expect(rest.isEmpty)
        await server.stop()
    }

    @Test func whoSaysNothingIsCutOff() async throws {
        let server = try await Self.start(timeout: .milliseconds(300))
        let rest = try await server.client { client in
            try client.send("PROXY ")
            // A reset is as good as an end.
            return (try? client.rest()) ?? []
        }
        #expect(rest.isEmpty)
        await server.stop()
    }

    /// One who says nothing holds a place as long as that.
    @Test func silentProxiesAreBounded() async throws {
        let limits = ConnectionLimits(maximum: 1, waiting: WaitingLimit(maximum: 0))
        let server = try await Self.start(limits: limits)
        let second = try await server.client { first in
            try first.send("PROXY ")
            while limits.total == 0 { usleep(1000) }
            let second = try Client(port: server.port)
            defer { second.close() }
            try? second.send(Self.header)
            return (try? second.rest()) ?? []
        }
        #expect(second.isEmpty)
        while limits.total > 0 { try await Task.sleep(for: .milliseconds(1)) }
        let line = try await server.client { client in
            try client.send(Self.header)
            return try client.line()
        }
        #expect(line.hasPrefix("192.0.2.1"))
        await server.stop()
    }

    @Test func otherRulesCountAtOnce() async throws {
        let proxies = TrustedProxies { _ in true }
        let server = try await TestServer.start(proxies: proxies) { $0.write("* OK\r\n") }
        let ask: @Sendable (Client) throws -> String = { client in
            try? client.send(Self.header)
            return (try? client.line()) ?? ""
        }
        #expect(try await server.client(ask) == "* OK\r\n")
        proxies.replace(timeout: .seconds(3)) { _ in false }
        #expect(try await server.client(ask) == "")
        await server.stop()
    }

    /// A peer that resets at once leaves octets and no address: who it was must not be taken for this machine.
    @Test(arguments: [true, false])
    func whoeverResetsIsNobody(isProxied: Bool) async throws {
        let began = Mutex<[String]>([])
        let server = try await TestServer.start(
            proxies: isProxied ? TrustedProxies { $0.text != "127.0.0.1" } : nil
        ) { connection in
            let isUnknown = connection.remoteAddress.isUnix || connection.remoteAddress.text != "127.0.0.1"
            if isProxied || isUnknown { began.withLock { $0.append("\(connection.remoteAddress)") } }
        }
        try await server.client { _ in
            for _ in 0..<500 {
                let client = try Client(port: server.port)
                var linger = linger(l_onoff: 1, l_linger: 0)
                try? client.send(Self.header + "LHLO x\r\nQUIT\r\n")
                setsockopt(
                    client.descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
                client.close()
            }
        }
        await server.stop()
        #expect(began.withLock { $0 } == [])
    }

    /// Limits of an address are the client's, not the proxy's.
    @Test func clientsAreCountedByTheirAddress() async throws {
        let limits = ConnectionLimits(maximum: 0, waiting: WaitingLimit(maximum: 1))
        let server = try await Self.start(limits: limits)
        let lines = try await server.client { first in
            try first.send(Self.header)
            let second = try Client(port: server.port)
            let third = try Client(port: server.port)
            defer {
                second.close()
                third.close()
            }
            let one = try first.line()
            try second.send(Self.header)
            try third.send("PROXY TCP4 192.0.2.7 198.51.100.2 1 143\r\n")
            return [one, try second.line(), try third.line()]
        }
        #expect(lines[0].hasPrefix("192.0.2.1 "))
        #expect(lines[1] == "* BYE Too many connections\r\n")
        #expect(lines[2].hasPrefix("192.0.2.7 "))
        await server.stop()
    }
}
