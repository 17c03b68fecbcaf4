import Glibc
import MailCore
public import SASLCore
import Synchronization
import Threads

/// The mail role's way to the auth role: many requests at a time on one unix socket.
///
/// Connects when the first request comes and again whenever the connection ends (the auth role was restarted);
/// a request that was not answered is then sent once more, except in the middle of an exchange. A request
/// fails as temporary after `timeout`. Callers on any thread or executor; one thread of the client's own reads.
public final class AuthClient: Authenticator {
    let path: String
    let timeout: Int
    let log: @Sendable (AuthLogLevel, String) -> Void
    private let wakePipe: WakePipe?
    let state = Mutex(AuthClientState())

    /// `path` is the auth role's socket; `timeout` the seconds that one request may wait for its reply, which
    /// has to be longer than the service's own delays and limits.
    public init(
        path: String, timeout: Int = 90,
        log: @escaping @Sendable (AuthLogLevel, String) -> Void = { _, _ in }
    ) {
        self.path = path
        self.timeout = timeout
        self.log = log
        self.wakePipe = WakePipe()
    }

    /// Ends the thread and the connection; open and later requests fail as temporary.
    public func stop() {
        self.state.withLock { $0.stopped = true }
        self.wakePipe?.wake()
    }

    public func authenticate(
        _ request: AuthenticationRequest, mechanism: SASLMechanismName, initialResponse: [UInt8]?,
        answer: (_ challenge: [UInt8]) async -> SASLClientReply
    ) async -> AuthenticationOutcome {
        let id = self.newID()
        var line = AuthLineWriter()
        line.begin("AUTH")
        line.field(id)
        line.field(mechanism.text)
        line.field(request)
        line.field("nologin")
        // Asks for the user's record along with the OK: one round trip in place of two.
        line.field("userdb")
        if request.successData == .inSuccess { line.field("final-resp-ok") }
        for (type, data) in request.channelBindings.sorted(by: { $0.key < $1.key }) {
            line.field(AuthenticationRequest.bindingPrefix + type, String(decoding: Base64.encode(data), as: UTF8.self))
        }
        if let initialResponse {
            line.field("resp", String(decoding: Base64.encode(initialResponse), as: UTF8.self))
        }
        line.end()
        var reply = await self.send(id, line.take(), canRepeat: true, isLogin: true)
        while case .challenge(let challenge) = reply {
            switch await answer(challenge) {
            case .response(let response):
                line.begin("CONT")
                line.field(id)
                line.field(Base64.encode(response))
                line.end()
                let bytes = line.take()
                guard bytes.count <= AuthLine.maximumLength else {
                    self.sendCancel(id)
                    return .failure(AuthenticationFailure(.malformedResponse))
                }
                reply = await self.send(id, bytes, canRepeat: false, isLogin: true)
            case .malformed:
                self.sendCancel(id)
                return .failure(AuthenticationFailure(.malformedResponse))
            case .cancelled:
                self.sendCancel(id)
                return .failure(AuthenticationFailure(.cancelled))
            }
        }
        switch reply {
        case .ok(var fields):
            let user = fields.removeValue(forKey: "user") ?? ""
            guard !user.isEmpty, let record = UserRecord(user: user, fields: fields, prefix: "userdb_") else {
                self.log(.error, "auth: reply to AUTH lacks user or userdb fields")
                return .failure(AuthenticationFailure(.temporary))
            }
            let data = fields.removeValue(forKey: "resp").flatMap { Base64.decode($0.utf8) }
            fields = fields.filter { !$0.key.hasPrefix("userdb_") }
            return .success(Identity(user: user, fields: fields, successData: data), record)
        case .failed(let failure):
            return .failure(failure)
        case .lost(let reason):
            self.sendCancel(id)
            return .failure(self.temporary("AUTH", reason))
        case .challenge, .user, .notFound, .names:
            return .failure(self.temporary("AUTH", "unexpected reply"))
        }
    }

    public func lookup(_ user: String, _ request: AuthenticationRequest) async -> UserLookup {
        let id = self.newID()
        var line = AuthLineWriter()
        line.begin("USER")
        line.field(id)
        line.field(user)
        line.field(request)
        line.end()
        switch await self.send(id, line.take(), canRepeat: true) {
        case .user(let name, let fields):
            guard !name.isEmpty, let record = UserRecord(user: name, fields: fields) else {
                return .temporary("auth: reply to USER lacks uid or gid")
            }
            return .found(record)
        case .notFound:
            return .notFound
        case .failed(let failure):
            return .temporary(failure.message ?? "auth: user lookup failed")
        case .lost(let reason):
            return .temporary("auth: " + reason)
        case .ok, .challenge, .names:
            return .temporary("auth: unexpected reply to USER")
        }
    }

    public func list(
        matching mask: String, _ request: AuthenticationRequest
    ) async throws(AuthenticationFailure) -> [String] {
        let id = self.newID()
        var line = AuthLineWriter()
        line.begin("LIST")
        line.field(id)
        line.field("service", request.service)
        if mask != "*" { line.field("user", mask) }
        line.end()
        switch await self.send(id, line.take(), canRepeat: true) {
        case .names(let names): return names
        case .lost(let reason): throw self.temporary("LIST", reason)
        case .failed(let failure): throw failure
        case .ok, .challenge, .user, .notFound: throw self.temporary("LIST", "unexpected reply")
        }
    }

    /// Makes the service forget the passwords that it remembers as verified; how many it forgot.
    public func flushCache() async throws(AuthenticationFailure) -> Int {
        let id = self.newID()
        var line = AuthLineWriter()
        line.begin("CACHE-FLUSH")
        line.field(id)
        line.end()
        switch await self.send(id, line.take(), canRepeat: true) {
        case .ok(let fields): return fields.keys.lazy.compactMap { Int($0) }.first ?? 0
        case .lost(let reason): throw self.temporary("CACHE-FLUSH", reason)
        case .failed(let failure): throw failure
        case .challenge, .user, .notFound, .names:
            throw self.temporary("CACHE-FLUSH", "unexpected reply")
        }
    }

    private func temporary(_ command: String, _ reason: String) -> AuthenticationFailure {
        self.log(.error, "auth: \(command) failed: \(reason)")
        return AuthenticationFailure(.temporary)
    }

    private func newID() -> UInt32 { self.state.withLock { $0.newID() } }

    /// Sends a line and waits for the reply to `id`.
    private func send(
        _ id: UInt32, _ line: [UInt8], canRepeat: Bool, isLogin: Bool = false
    ) async -> AuthClientReply {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                self.submit(id, line, canRepeat: canRepeat, isLogin: isLogin, continuation)
            }
        } onCancel: {
            self.cancel(id)
        }
    }

    private func submit(
        _ id: UInt32, _ line: [UInt8], canRepeat: Bool, isLogin: Bool,
        _ continuation: CheckedContinuation<AuthClientReply, Never>
    ) {
        guard line.count <= AuthLine.maximumLength else {
            continuation.resume(returning: .failed(AuthenticationFailure(.malformedResponse)))
            return
        }
        enum Next {
            case nothing, wake, start, send
            case refuse(String)
        }
        // A task that is already cancelled gets no request: its cancellation handler ran before this.
        let isCancelled = withUnsafeCurrentTask { $0?.isCancelled ?? false }
        let deadline = Ticks.now + self.timeout * 1000
        let next: Next = self.state.withLock { state in
            guard !isCancelled else { return .refuse("cancelled") }
            guard !state.stopped else { return .refuse("client stopped") }
            guard state.pending.count < AuthClientState.maximumPending + (isLogin ? 0 : AuthClientState.maximumLookups),
                state.outbox.count < AuthClientState.maximumOutbox
            else { return .refuse("too many requests are waiting") }
            guard canRepeat || state.descriptor >= 0 else { return .refuse("connection lost in an exchange") }
            // Without a connection the thread sends it on the next one, which spends the repetition.
            state.pending[id] = AuthClientPending(
                continuation: continuation, deadline: deadline, resend: canRepeat ? line : [])
            if !state.running {
                state.running = true
                return .start
            }
            guard state.descriptor >= 0 else { return .wake }
            return state.hold(line) ? .send : .nothing
        }
        switch next {
        case .nothing: break
        case .wake: self.wakePipe?.wake()
        case .send: self.sendHeld()
        case .refuse(let reason): continuation.resume(returning: .lost(reason))
        case .start:
            guard let wakePipe = self.wakePipe, Thread.detached("auth client", { self.run(wakePipe) }) else {
                let all = self.state.withLock { state in
                    state.running = false
                    return state.remove { _ in true }
                }
                for request in all { request.continuation.resume(returning: .lost("no thread")) }
                return
            }
        }
    }

    /// Ends an exchange over there that has ended here: open ones are counted, and too many of them shut everybody out.
    private func sendCancel(_ id: UInt32) {
        var line = AuthLineWriter()
        line.begin("CANCEL")
        line.field(id)
        line.end()
        let bytes = line.take()
        if self.state.withLock({ $0.descriptor >= 0 && $0.hold(bytes) }) { self.sendHeld() }
    }

    /// Sends what callers held for the connection. Without the lock, so that the reader of the reply, which often comes
    /// before `send` has returned, finds it free.
    func sendHeld() {
        while let (descriptor, octets) = self.state.withLock({ $0.nextToSend() }) {
            var left = octets[...]
            while !left.isEmpty {
                let sent = left.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
                if sent < 0, errno == EINTR { continue }
                guard sent > 0 else {
                    self.state.withLock { $0.sendingStopped(descriptor, left: left) }
                    self.wakePipe?.wake()
                    return
                }
                left = left.dropFirst(sent)
            }
        }
    }

    private func cancel(_ id: UInt32) {
        let request = self.state.withLock { $0.pending.removeValue(forKey: id) }
        guard let request else { return }
        self.sendCancel(id)
        request.continuation.resume(returning: .failed(AuthenticationFailure(.cancelled)))
    }
}

extension AuthenticationRequest {
    /// Begins the names of parameters with channel bindings, between the mail and the auth role.
    static let bindingPrefix = "cb_"
}

extension AuthLineWriter {
    /// The parameters of a request.
    mutating func field(_ request: AuthenticationRequest) {
        self.field("service", request.service)
        switch request.security {
        case .cleartext: break
        case .local: self.field("secured")
        case .tls: self.field("secured", "tls")
        }
        if request.isProxied { self.field("proxied") }
        self.field("session", request.session)
        self.field("lip", request.localAddress)
        self.field("rip", request.remoteAddress)
        self.field("lport", request.localPort.map(UInt32.init))
        self.field("rport", request.remotePort.map(UInt32.init))
    }
}
