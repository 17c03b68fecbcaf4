import Glibc
import MailCore

/// What callers and the reader thread of an `AuthClient` share, under its lock.
struct AuthClientState {
    /// -1 while there is no connection.
    var descriptor: CInt = -1
    /// Octets that the socket did not take yet.
    var outbox: [UInt8] = []
    var pending: [UInt32: AuthClientPending] = [:]
    var stopped = false
    var running = false
    private var lastID: UInt32 = 0

    /// More requests than this are answered as lost: something is stuck.
    static let maximumPending = 10_000
    static let maximumOutbox = 4 << 20

    /// An id that no open request uses.
    mutating func newID() -> UInt32 {
        repeat {
            self.lastID = self.lastID == .max ? 1 : self.lastID + 1
        } while self.pending[self.lastID] != nil
        return self.lastID
    }

    /// Sends `bytes` at once if the socket takes them; `true` when the thread has to help.
    mutating func write(_ bytes: [UInt8]) -> Bool {
        guard self.descriptor >= 0 else { return true }
        self.outbox.append(contentsOf: bytes)
        return self.flush()
    }

    /// Sends what is held; `true` when something is left or the connection failed.
    mutating func flush() -> Bool {
        while !self.outbox.isEmpty {
            let sent = self.outbox.withUnsafeBytes {
                send(self.descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
            }
            if sent < 0, errno == EINTR { continue }
            guard sent > 0 else { return true }
            self.outbox.removeFirst(sent)
        }
        return false
    }

    /// The requests that end with the connection; the others stay for the next one, which sends them anew.
    mutating func disconnect() -> [AuthClientPending] {
        if self.descriptor >= 0 { close(self.descriptor) }
        self.descriptor = -1
        self.outbox = []
        return self.remove { $0.resend.isEmpty }
    }

    mutating func remove(where condition: (AuthClientPending) -> Bool) -> [AuthClientPending] {
        var removed: [AuthClientPending] = []
        for (id, request) in self.pending where condition(request) {
            removed.append(request)
            self.pending[id] = nil
        }
        return removed
    }

    /// Takes a new connection and sends every request that was not answered by the last one.
    ///
    /// Each is repeated once only, so that a request that kills the service does not do so for ever.
    mutating func connected(_ fd: CInt, greeting: [UInt8]) {
        self.descriptor = fd
        self.outbox = greeting
        for (id, request) in self.pending.sorted(by: { $0.key < $1.key }) {
            self.outbox.append(contentsOf: request.resend)
            self.pending[id]?.resend = []
        }
        _ = self.flush()
    }

    /// Applies one reply line; the request it ends and its reply, if it does.
    mutating func received(_ line: AuthLine) -> (AuthClientPending, AuthClientReply)? {
        guard let command = line.text(0), let id = line.number(1), let request = self.pending[id] else {
            return nil
        }
        let reply: AuthClientReply
        switch command {
        case "OK": reply = .ok(line.parameters(from: 2))
        case "CONT":
            let text = line.fields.count > 2 ? line.fields[2] : []
            reply = Base64.decode(text).map { .challenge($0) } ?? .lost("challenge is not base64")
        case "FAIL": reply = .failed(AuthenticationFailure(fields: line.parameters(from: 2)))
        case "USER": reply = .user(line.text(2) ?? "", line.parameters(from: 3))
        case "NOTFOUND": reply = .notFound
        case "LIST":
            self.pending[id]?.names.append(
                contentsOf: line.fields.dropFirst(2).map { String(decoding: $0, as: UTF8.self) })
            return nil
        case "DONE":
            reply = line.text(2) == "fail" ? .lost("listing failed") : .names(request.names)
        default: return nil
        }
        self.pending[id] = nil
        return (request, reply)
    }
}
