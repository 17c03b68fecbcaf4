import Glibc
import MailCore

/// What callers and the reader thread of an `AuthClient` share, under its lock.
struct AuthClientState {
    /// -1 while there is no connection.
    var descriptor: CInt = -1
    /// Octets for the socket that nobody sends yet.
    var outbox: [UInt8] = []
    /// A caller or the thread is sending, without the lock.
    private(set) var isSending = false
    /// The descriptor of a connection that ended while somebody sent on it.
    private var closesAfterSending: CInt?
    var pending: [UInt32: AuthClientPending] = [:]
    var stopped = false
    var running = false
    private var lastID: UInt32 = 0

    /// Octets are left that the socket did not take.
    var wantsWrite: Bool { !self.isSending && !self.outbox.isEmpty }

    /// More logins than this are answered as lost. It is more than all listeners together take in connections, so that nobody
    /// is shut out by those who begin a login and say no more.
    static let maximumPending = 65_536
    /// Lookups that find room beside as many logins: mail comes in whoever tries to log in.
    static let maximumLookups = 10_000
    static let maximumOutbox = 4 << 20

    /// An id that no open request uses.
    mutating func newID() -> UInt32 {
        repeat {
            self.lastID = self.lastID == .max ? 1 : self.lastID + 1
        } while self.pending[self.lastID] != nil
        return self.lastID
    }

    /// Queues `bytes` for the connection; `true` when the caller has to call `AuthClient.sendHeld` then.
    mutating func hold(_ bytes: [UInt8]) -> Bool {
        self.outbox.append(contentsOf: bytes)
        return self.beginsSending()
    }

    /// Whether the caller is to send what is held: nobody else does, and there is somewhere to send to.
    mutating func beginsSending() -> Bool {
        guard !self.isSending, self.descriptor >= 0, !self.outbox.isEmpty else { return false }
        self.isSending = true
        return true
    }

    /// What the one who sends is to send next, and where; `nil`: sending ends.
    mutating func nextToSend() -> (descriptor: CInt, octets: [UInt8])? {
        if let old = self.closesAfterSending { close(old) }
        self.closesAfterSending = nil
        guard self.descriptor >= 0, !self.outbox.isEmpty else {
            self.isSending = false
            return nil
        }
        defer { self.outbox = [] }
        return (self.descriptor, self.outbox)
    }

    /// The socket of that descriptor took nothing more: what is left waits for the thread.
    mutating func sendingStopped(_ descriptor: CInt, left: ArraySlice<UInt8>) {
        if descriptor == self.descriptor { self.outbox.insert(contentsOf: left, at: 0) }
        if let old = self.closesAfterSending { close(old) }
        self.closesAfterSending = nil
        self.isSending = false
    }

    /// The requests that end with the connection; the others stay for the next one, which sends them anew.
    mutating func disconnect() -> [AuthClientPending] {
        if self.descriptor >= 0 {
            if self.isSending, self.closesAfterSending == nil {
                // Whoever sends at this moment must not find another file under that number.
                shutdown(self.descriptor, CInt(SHUT_RDWR))
                self.closesAfterSending = self.descriptor
            } else {
                close(self.descriptor)
            }
        }
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
