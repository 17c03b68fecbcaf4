import COpenSSL
import Glibc
import NIOCore
import ServerCore
import Testing

@Suite struct TLSTests {
    static func contexts(_ identities: [TLSIdentity], _ policy: TLSPolicy = TLSPolicy()) throws -> TLSContexts {
        TLSContexts(try TLSContext(identities: identities, policy: policy, ticketKeys: TLSTicketKeys()))
    }

    @Test func implicitTLSCarriesLargeAnswers() async throws {
        let contexts = try Self.contexts([makeIdentity(["mail.example.org"])])
        let info = Box<TLSInfo?>(nil)
        let size = 3_000_000
        let server = try await TestServer.start(security: .implicitTLS, contexts: contexts) { connection in
            info.update { $0 = connection.tls }
            try? await connection.readMore()
            connection.write([UInt8](repeating: 0x63, count: size))
            try? await connection.flush()
        }
        let (handshake, count) = try await server.client { client in
            let handshake = try client.startTLS(name: "mail.example.org", alpn: ["http/1.1", "imap"])
            try client.send("x")
            return (handshake, try client.rest().count)
        }
        await server.stop()
        #expect(count == size)
        #expect(handshake.alpn == "imap")
        #expect(handshake.version == "TLSv1.3")
        #expect(info.value?.serverName == "mail.example.org")
        #expect(info.value?.applicationProtocol == "imap")
        #expect(info.value?.version == "TLSv1.3")
    }

    struct NameCase: Sendable, CustomTestStringConvertible {
        let asked: String?
        let served: String
        var testDescription: String { self.asked ?? "none" }
    }

    @Test(arguments: [
        NameCase(asked: nil, served: "first.example"),
        NameCase(asked: "unknown.example", served: "first.example"),
        NameCase(asked: "SECOND.example", served: "second.example"),
        NameCase(asked: "a.wild.example", served: "*.wild.example"),
        NameCase(asked: "a.b.wild.example", served: "first.example"),
    ])
    func certificateFollowsServerName(_ test: NameCase) async throws {
        let contexts = try Self.contexts([
            makeIdentity(["first.example"]), makeIdentity(["second.example"]),
            makeIdentity(["*.wild.example"]),
        ])
        let server = try await TestServer.start(security: .implicitTLS, contexts: contexts) { _ in }
        let handshake = try await server.client { client in
            // A client that offers a protocol we do not speak is served all the same.
            try client.startTLS(name: test.asked, alpn: ["h2"])
        }
        await server.stop()
        #expect(handshake.names == [test.served])
        #expect(handshake.alpn.isEmpty)
    }

    @Test func startTLSDropsWhatCameInClear() async throws {
        let contexts = try Self.contexts([makeIdentity(["localhost"])])
        let server = try await TestServer.start { connection in
            do {
                try await connection.readMore()
                // Both lines are here: one packet. The second must not survive.
                connection.write("OK begin\r\n")
                guard let context = contexts.current else { return }
                try await connection.startTLS(context, applicationProtocol: "imap")
                try await connection.readMore()
                connection.write(connection.take(connection.unread))
                try await connection.flush()
            } catch {}
        }
        let (first, answer) = try await server.client { client in
            try client.send("STARTTLS\r\nINJECTED\r\n")
            let first = try client.line()
            _ = try client.startTLS()
            try client.send("inside\r\n")
            return (first, try client.rest())
        }
        await server.stop()
        #expect(first == "OK begin\r\n")
        #expect(answer == [UInt8]("inside\r\n".utf8))
    }

    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
    func ticketsResumeAcrossContexts(_ version: Int32) async throws {
        let keys = TLSTicketKeys()
        let identity = makeIdentity(["localhost"])
        let contexts = TLSContexts(try TLSContext(identities: [identity], ticketKeys: keys))
        let server = try await TestServer.start(security: .implicitTLS, contexts: contexts) { connection in
            connection.write("hello\r\n")
            try? await connection.flush()
            try? await connection.readMore()
        }
        let resumed = try await server.client { client in
            let first = try client.startTLS(maximum: version)
            _ = try client.line()  // the tickets of TLS 1.3 come before it
            let session = client.session
            // A reload, and other keys started from the same secret: as another process has them.
            let (secret, epoch) = keys.export()
            contexts.replace(
                with: try TLSContext(
                    identities: [identity], ticketKeys: TLSTicketKeys(secret: secret, epoch: epoch)))
            let again = try Client(port: server.port)
            defer { again.close() }
            let second = try again.startTLS(session: session, maximum: version)
            SSL_SESSION_free(session)
            return [first.resumed, second.resumed]
        }
        await server.stop()
        #expect(resumed == [false, true])
    }

    @Test func oldVersionsAreRefused() async throws {
        let contexts = try Self.contexts([makeIdentity(["localhost"])])
        let server = try await TestServer.start(security: .implicitTLS, contexts: contexts) { _ in }
        let failed = try await server.client { client in
            (try? client.startTLS(maximum: TLS1_1_VERSION)) == nil
        }
        await server.stop()
        #expect(failed)
    }

    struct HostileCase: Sendable, CustomTestStringConvertible {
        let name: String
        let bytes: [UInt8]
        var testDescription: String { self.name }
    }

    /// Plain text, truncated records and huge handshakes end the connection, and nothing else.
    @Test(arguments: [
        HostileCase(name: "plain text", bytes: [UInt8]("A1 CAPABILITY\r\n".utf8)),
        HostileCase(name: "truncated", bytes: [0x16, 0x03, 0x01, 0x7F, 0x7F]),
        HostileCase(
            name: "huge", bytes: [0x16, 0x03, 0x01, 0x40, 0x00] + [UInt8](repeating: 0x01, count: 200_000)),
        HostileCase(name: "zeros", bytes: [UInt8](repeating: 0, count: 300)),
    ])
    func hostileHandshakesEnd(_ test: HostileCase) async throws {
        let contexts = try Self.contexts([makeIdentity(["localhost"])])
        var settings = ConnectionSettings()
        settings.handshakeTimeout = .seconds(1)
        let served = Box(0)
        let server = try await TestServer.start(
            security: .implicitTLS, contexts: contexts, settings: settings
        ) { _ in served.update { $0 += 1 } }
        try await server.client { client in
            try? client.send(String(decoding: test.bytes, as: UTF8.self))
            _ = try? client.rest()
        }
        let good = try await server.client { client in
            let handshake = try client.startTLS()
            _ = try client.rest()
            return handshake
        }
        await server.stop()
        #expect(served.value == 1)
        #expect(good.version == "TLSv1.3")
    }

    @Test func mistakesNameTheFile() throws {
        let good = makeIdentity(["a.example"], file: "a.pem")
        let other = makeIdentity(["b.example"], file: "b.pem")
        var broken = good
        broken.certificate = [UInt8]("nothing".utf8)
        var foreign = good
        foreign.privateKey = other.privateKey
        var empty = good
        empty.privateKey = []
        for (identity, file) in [(broken, "a.pem"), (foreign, "key-of-a.pem"), (empty, "key-of-a.pem")] {
            #expect {
                _ = try TLSContext(identities: [identity], ticketKeys: TLSTicketKeys())
            } throws: { ($0 as? TLSError)?.file == file }
        }
        var policy = TLSPolicy()
        policy.cipherList = "NOSUCHCIPHER"
        #expect(throws: TLSError.self) {
            _ = try TLSContext(identities: [good], policy: policy, ticketKeys: TLSTicketKeys())
        }
    }
}
