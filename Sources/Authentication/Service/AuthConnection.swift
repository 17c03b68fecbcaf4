import Glibc

/// One client of the auth service: framing and what it has open. Belongs to the service's thread.
struct AuthConnection {
    enum Handshake {
        case awaitingVersion
        case ready
    }

    let descriptor: CInt
    let kind: AuthListener.Kind
    var handshake = Handshake.awaitingVersion
    var splitter = AuthLineSplitter()
    var outbox: [UInt8] = []
    /// Open authentications: the client's id to the service's serial.
    var open: [UInt32: UInt64] = [:]

    static let maximumOutbox = 64 << 20

    init(descriptor: CInt, kind: AuthListener.Kind) {
        self.descriptor = descriptor
        self.kind = kind
    }

    var maximumOpen: Int {
        switch self.kind {
        case .client, .userdb: 1000
        case .mail: AuthClientState.maximumPending
        }
    }

    /// Sends or holds; `false` when the client is gone or reads nothing any more.
    mutating func send(_ bytes: [UInt8]) -> Bool {
        self.outbox.append(contentsOf: bytes)
        return self.flush()
    }

    mutating func flush() -> Bool {
        var sent = 0
        while sent < self.outbox.count {
            let count = self.outbox.withUnsafeBytes { bytes in
                Glibc.send(
                    self.descriptor, bytes.baseAddress?.advanced(by: sent), bytes.count - sent,
                    CInt(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { break }
            guard count > 0 else { return false }
            sent += count
        }
        self.outbox.removeFirst(sent)
        return self.outbox.count <= Self.maximumOutbox
    }

    /// What the service says first. All at once and without waiting for the client, since Exim reads first and
    /// Postfix writes first; version 1.2, which both know.
    static func greeting(
        kind: AuthListener.Kind, mechanisms: SASLMechanismList, number: UInt64
    ) -> [UInt8] {
        var line = AuthLineWriter()
        line.begin("VERSION\t1\t")
        switch kind {
        case .userdb:
            line.begin("1\nSPID")
            line.field(String(getpid()))
            line.end()
        case .client, .mail:
            line.begin("2\n")
            for (name, properties) in mechanisms {
                line.begin("MECH")
                line.field(name)
                for property in properties { line.field(property) }
                line.end()
            }
            line.begin("SPID")
            line.field(String(getpid()))
            line.end()
            line.begin("CUID")
            line.field(String(number))
            line.end()
            line.begin("COOKIE")
            line.field(randomBytes(16).hexadecimal)
            line.end()
            line.begin("DONE")
            line.end()
        }
        return line.take()
    }
}

/// Names of mechanisms and of their properties, in the words of the protocol.
typealias SASLMechanismList = [(name: String, properties: [String])]
