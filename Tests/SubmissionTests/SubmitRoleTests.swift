import Glibc
import TemporaryFiles
import Testing

@testable import Submission

/// Client and server of the submit role's socket.
@Suite struct SubmitRoleTests {
    private let place: TemporaryDirectory
    private var directory: String { self.place.path }

    init() throws { self.place = try TemporaryDirectory() }

    private let id = HandoverID(queue: 1, delivery: 2, number: 3)

    /// Serves so many connections with a program of these lines, while `body` is a client.
    private func serving(
        _ connections: Int, _ lines: String, _ body: (SubmitClient, HandoverJournal) throws -> Void
    ) throws {
        let path = self.directory + "/s"
        let program = self.directory + "/program"
        let file = open(program, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o700)
        let text = Array("#!/bin/sh\n\(lines)\n".utf8)
        write(file, text, text.count)
        close(file)
        let listener = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0 && listen(listener, 8) == 0)
        let journal = HandoverJournal(nil)
        let server = SubmitServer(journal, [program, "-x"], nil, timeout: 20_000, maximumSize: 1000)
        let serving = Serving {
            for _ in 0..<connections {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { return }
                server.serve(connection)
                close(connection)
            }
        }
        defer {
            shutdown(listener, CInt(SHUT_RDWR))
            serving.join()
            close(listener)
        }
        try body(SubmitClient(path), journal)
    }

    private func pieces(_ texts: String...) -> () -> [UInt8] {
        var rest = texts
        return { rest.isEmpty ? [] : Array(rest.removeFirst().utf8) }
    }

    private func text(_ name: String) -> String {
        let descriptor = open("\(self.directory)/\(name)", O_RDONLY)
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = read(descriptor, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }

    @Test func handsOver() throws {
        try self.serving(3, "(echo \"$@\"; cat) > \(self.directory)/out; echo said; exit 67") { client, _ in
            #expect(client.fate(of: self.id) == .notBegun)
            let outcome = client.send(self.id, ["-f", "a", "--", "b"], self.pieces("A: b\n", "\n", "c\n"))
            #expect(outcome == .fate(.answered(status: 67, text: "said\n")))
            #expect(self.text("out") == "-x -f a -- b\nA: b\n\nc\n")
            #expect(client.fate(of: self.id) == .answered(status: 67, text: "said\n"))
        }
    }

    @Test func tooLarge() throws {
        try self.serving(2, "echo ran > \(self.directory)/out") { client, _ in
            let big = String(repeating: "x", count: 1001)
            #expect(
                client.send(self.id, ["--"], self.pieces(big))
                    == .fate(.answered(status: 69, text: "message is too large")))
            #expect(client.fate(of: self.id) == .notBegun)
            #expect(self.text("out") == "")
        }
    }

    /// Who ends in the middle of the message has sent nothing: half of one is worse.
    @Test func halfAMessage() throws {
        try self.serving(2, "echo ran > \(self.directory)/out") { client, _ in
            let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array((self.directory + "/s").utf8)) }
            let connected = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            try #require(connected == 0)
            let octets = SubmitStream.head(.send, self.id, ["--"]) + SubmitStream.length(3) + Array("A:".utf8)
            #expect(SubmitStream.writeAll(descriptor, octets, isSocket: true))
            close(descriptor)
            #expect(client.fate(of: self.id) == .notBegun)
            #expect(self.text("out") == "")
        }
    }

    @Test func nobodyThere() {
        rmdir(self.directory)
        let client = SubmitClient(self.directory + "/none")
        #expect(client.fate(of: self.id) == nil)
        guard case .unreached = client.send(self.id, [], { [] }) else { return #expect(Bool(false)) }
    }
}

/// A thread that is waited for.
private final class Serving: @unchecked Sendable {
    // `body` is called once, by the thread; `join` is called once.
    private let body: () -> Void
    private var thread = pthread_t()

    init(_ body: @escaping () -> Void) {
        self.body = body
        let context = Unmanaged.passRetained(self).toOpaque()
        pthread_create(
            &self.thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<Serving>.fromOpaque(context).takeRetainedValue().body()
                return nil
            }, context)
    }

    func join() { pthread_join(self.thread, nil) }
}
