import Glibc
import NIOCore
import Testing

@testable import ServerCore

private let allocator = ByteBufferAllocator()

/// Everything an inflater makes of its input, with pieces of at most `limit`.
private func inflated(
    _ inflater: Inflater, _ input: inout ByteBuffer, limit: Int = 512
) -> (content: [UInt8], outcome: Inflater.Outcome) {
    var content: [UInt8] = []
    while true {
        var out = ByteBuffer()
        let outcome = inflater.inflate(&input, into: &out, limit: limit)
        content += out.readableBytesView
        guard case .fine = outcome, input.readableBytes > 0 || inflater.isFull else { return (content, outcome) }
    }
}

private func compressed(_ deflater: Deflater, _ text: String) throws -> ByteBuffer {
    try #require(Array(text.utf8).withUnsafeBytes { deflater.compress($0, .flush, allocator) })
}

@Suite struct CompressionTests {
    @Test(arguments: [0, 1, 6, 9])
    func eachPieceCanBeReadAtOnce(level: Int) throws {
        let deflater = try #require(Deflater(level: level))
        let inflater = try #require(Inflater())
        for number in 0..<200 {
            let text = "* \(number) FETCH (UID \(number * 7) FLAGS (\\Seen))\r\n"
            var input = try compressed(deflater, text)
            #expect(inflated(inflater, &input).content == Array(text.utf8))
        }
    }

    /// Both sides give up their state between pieces, and the peer notices nothing.
    @Test func stateCanBeGivenUpBetweenPieces() throws {
        var deflater = try #require(Deflater(level: 6))
        var inflater = try #require(Inflater())
        let peer = try #require(Inflater())
        for number in 0..<100 {
            let text = String(repeating: "a\(number % 7) UID FETCH 1:* (FLAGS)\r\n", count: 1 + number)
            var input = try compressed(deflater, text)
            var copy = input
            #expect(inflated(inflater, &input).content == Array(text.utf8))
            #expect(inflated(peer, &copy).content == Array(text.utf8))
            if number % 3 == 1 { deflater = try #require(Deflater(level: 6)) }
            if number % 2 == 1 {
                let window = try #require(inflater.pause())
                #expect(window.count <= 32_768)
                inflater = try #require(Inflater(window: window))
            }
        }
    }

    @Test func octetByOctet() throws {
        let deflater = try #require(Deflater(level: 6))
        let inflater = try #require(Inflater())
        let text = String(repeating: "a NOOP\r\n", count: 300)
        let input = try compressed(deflater, text)
        var content: [UInt8] = []
        for octet in input.readableBytesView {
            var one = ByteBuffer(bytes: [octet])
            content += inflated(inflater, &one, limit: 3).content
        }
        #expect(content == Array(text.utf8))
    }

    @Test func middleOfABlockIsNoPlaceToPause() throws {
        let deflater = try #require(Deflater(level: 6))
        let inflater = try #require(Inflater())
        var input = try compressed(deflater, "a LOGIN tim tom\r\n")
        let slice = input.readSlice(length: 5)
        var half = try #require(slice)
        _ = inflated(inflater, &half)
        #expect(inflater.pause() == nil)
        _ = inflated(inflater, &input)
        #expect(inflater.pause()?.count == 17)
    }

    @Test func hugeContentComesInSmallPieces() throws {
        let deflater = try #require(Deflater(level: 9))
        let inflater = try #require(Inflater())
        var input = try compressed(deflater, String(repeating: "\0", count: 4 << 20))
        #expect(input.readableBytes < 8192)
        var total = 0
        while input.readableBytes > 0 || inflater.isFull {
            var out = ByteBuffer()
            _ = inflater.inflate(&input, into: &out, limit: 1000)
            #expect(out.readableBytes <= 1000)
            total += out.readableBytes
        }
        #expect(total == 4 << 20)
    }

    @Test(arguments: [
        ([0x07] as [UInt8], true),  // A block type that does not exist.
        (Array("a NOOP\r\n".utf8), true), ([0x01, 0, 0, 0xFF, 0xFF], false),  // A last block, empty.
    ])
    func wrongInput(_ octets: [UInt8], isDamaged: Bool) throws {
        let inflater = try #require(Inflater())
        var input = ByteBuffer(bytes: octets)
        switch inflated(inflater, &input).outcome {
        case .damaged: #expect(isDamaged)
        case .ended: #expect(!isDamaged)
        case .fine: Issue.record("taken")
        }
    }

    // MARK: connections

    /// Talks compressed: answers `text` lines, one after the other.
    private final class Peer {
        let deflater = Deflater(level: 6)
        let inflater = Inflater()
        let client: Client
        private var content: [UInt8] = []

        init(_ client: Client) { self.client = client }

        func send(_ text: String) throws {
            let octets = Array(text.utf8).withUnsafeBytes { self.deflater?.compress($0, .flush, allocator) }
            try self.client.send(Array((octets ?? ByteBuffer()).readableBytesView))
        }

        func line() throws -> String {
            while true {
                if let end = self.content.firstIndex(of: 0x0A) {
                    let line = String(decoding: self.content[...end], as: UTF8.self)
                    self.content.removeFirst(end + 1)
                    return line
                }
                var input = ByteBuffer(bytes: try self.client.receive())
                guard input.readableBytes > 0, let inflater = self.inflater else { return "" }
                self.content += inflated(inflater, &input).content
            }
        }
    }

    @Test func bothDirections() async throws {
        let server = try await TestServer.start { connection in
            connection.write("go\r\n")
            connection.startCompression(level: 6)
            await ConnectionTests.echo(connection)
        }
        try await server.client { client in
            #expect(try client.line() == "go\r\n")
            let peer = Peer(client)
            for number in 0..<50 {
                try peer.send("line \(number)\r\nand another\r\n")
                #expect(try peer.line() == "line \(number)\r\n")
                #expect(try peer.line() == "and another\r\n")
            }
            // Far more than is inflated at once, and its end is seen after the peer's.
            let long = String(repeating: "x", count: 300_000) + "\r\n"
            try peer.send(long)
            #expect(try peer.line() == long)
        }
        await server.stop()
    }

    @Test func restingConnectionGoesOn() async throws {
        let server = try await TestServer.start { connection in
            connection.startCompression(level: 6)
            do {
                while true {
                    while connection.unread == 0 { try await connection.readMore() }
                    connection.write(connection.take(connection.unread))
                    try await connection.flush()
                    connection.compression?.rest()
                }
            } catch {}
        }
        try await server.client { client in
            let peer = Peer(client)
            for _ in 0..<20 {
                try peer.send("the same line again\r\n")
                #expect(try peer.line() == "the same line again\r\n")
            }
        }
        await server.stop()
    }

    /// The peer goes on in clear at once, and the last piece ends as its library likes.
    @Test(arguments: [Deflater.End.flush, .finish], [1, 7, 1000])
    func endsWhereThePeerEndsIt(_ end: Deflater.End, _ step: Int) async throws {
        let server = try await TestServer.start { connection in
            do {
                for round in 0..<2 {
                    connection.startCompression(level: 6)
                    while connection.unread < 5 { try await connection.readMore() }
                    connection.write(connection.take(5))
                    connection.stopCompression()
                    while connection.unread < 6 { try await connection.readMore() }
                    connection.write(connection.take(6))
                    try await connection.flush()
                    if round == 0 { _ = connection.unread }
                }
            } catch {}
        }
        try await server.client { client in
            for _ in 0..<2 {
                let deflater = try #require(Deflater(level: 6))
                let piece = Array("last\n".utf8).withUnsafeBytes { deflater.compress($0, end, allocator) }
                var octets = Array(try #require(piece).readableBytesView) + Array("clear\n".utf8)
                while !octets.isEmpty {
                    try client.send(Array(octets.prefix(step)))
                    octets.removeFirst(min(step, octets.count))
                }
                let inflater = try #require(Inflater())
                var content: [UInt8] = []
                var input = ByteBuffer()
                var isEnded = false
                while !isEnded {
                    input.writeBytes(try client.receive())
                    let (more, outcome) = inflated(inflater, &input)
                    content += more
                    if case .ended = outcome { isEnded = true }
                }
                #expect(content == Array("last\n".utf8))
                while input.readableBytes < 6 { input.writeBytes(try client.receive()) }
                #expect(Array(input.readableBytesView) == Array("clear\n".utf8))
            }
        }
        await server.stop()
    }

    @Test func damagedInputEndsTheConnection() async throws {
        let failure = Box<ConnectionError?>(nil)
        let server = try await TestServer.start { connection in
            connection.startCompression(level: 6)
            do throws(ConnectionError) {
                while true { try await connection.readMore() }
            } catch {
                failure.update { $0 = error }
            }
        }
        try await server.client { client in
            try client.send("a NOOP\r\n")
            _ = try? client.rest()
        }
        await server.stop()
        #expect(failure.value == ConnectionError(.closed, "Compressed input is damaged"))
    }

    /// A megabyte that stands for a gigabyte: the session sees pieces, and never more than one.
    @Test func sessionSeesOnePieceAtATime() async throws {
        let most = Box(0)
        let total = Box(0)
        let server = try await TestServer.start { connection in
            connection.startCompression(level: 6)
            do throws(ConnectionError) {
                while true {
                    let count = connection.unread
                    most.update { $0 = max($0, count) }
                    total.update { $0 += count }
                    connection.consume(count)
                    try await connection.readMore()
                }
            } catch {}
        }
        try await server.client { client in
            let peer = Peer(client)
            let zeros = String(repeating: "\0", count: 1 << 20)
            for _ in 0..<16 { try peer.send(zeros) }
            shutdown(client.descriptor, Int32(SHUT_WR))
            _ = try client.rest()
        }
        await server.stop()
        #expect(most.value <= 16 * 1024)
        #expect(total.value == 16 << 20)
    }
}
