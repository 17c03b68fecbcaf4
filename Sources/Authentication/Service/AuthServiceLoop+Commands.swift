import MailCore
import SASLCore

/// Lines of clients.
extension AuthServiceLoop {
    /// Carries out one line; a text when the connection has to end because of it.
    func received(_ line: AuthLine, from number: UInt64) -> String? {
        guard let connection = self.connections[number], let command = line.text(0) else { return nil }
        if command == "VERSION" {
            guard line.text(1) == "1" else { return "speaks another major version" }
            self.connections[number]?.handshake = .ready
            return nil
        }
        // What came instead may be anything, of any length, and secret: not for the log.
        guard case .ready = connection.handshake else { return "VERSION is missing" }
        switch (command, connection.kind) {
        case ("AUTH", .client), ("AUTH", .mail): return self.receivedAuth(line, number)
        case ("CONT", .client), ("CONT", .mail): self.receivedContinuation(line, number)
        case ("CANCEL", .client), ("CANCEL", .mail): self.receivedCancel(line, number)
        case ("USER", .userdb), ("USER", .mail): self.receivedUser(line, number)
        case ("LIST", .userdb), ("LIST", .mail): self.receivedList(line, number)
        case ("PASS", .mail): self.receivedPass(line, number)
        case ("CACHE-FLUSH", .mail):
            guard let id = line.number(1) else { return nil }
            var reply = AuthLineWriter()
            reply.begin("OK")
            reply.field(id)
            reply.field(String(self.verifier.flushCache()))
            reply.end()
            self.send(number, reply.take())
        // The protocol's major version protects against commands that must not be ignored.
        default: break
        }
        return nil
    }

    private func receivedAuth(_ line: AuthLine, _ number: UInt64) -> String? {
        guard let connection = self.connections[number] else { return nil }
        guard let id = line.number(1) else { return "AUTH without an id" }
        guard connection.open[id] == nil else { return "AUTH with an id that is in use" }
        guard let text = line.text(2), let name = SASLMechanismName(text),
            let mechanism = self.configuration.mechanisms[name],
            connection.kind == .mail || !mechanism.properties.contains(.channelBinding)
        else {
            self.refuse(
                number, id, AuthenticationFailure(.unknownMechanism, message: "Unsupported mechanism"))
            return nil
        }
        guard connection.open.count < connection.maximumOpen else {
            self.refuse(number, id, AuthenticationFailure(.temporary))
            return nil
        }
        let parameters = line.parameters(from: 3)
        var initialResponse: [UInt8]?
        if let response = parameters["resp"] {
            guard let decoded = Base64.decode(response.utf8) else {
                self.refuse(
                    number, id, AuthenticationFailure(.malformedResponse, message: "Invalid base64 data"))
                return nil
            }
            // Exim sends an empty one when its client gave none; the mail role sends what its client gave.
            if connection.kind == .mail || !decoded.isEmpty { initialResponse = decoded }
        }
        var request = AuthenticationRequest(parameters)
        if parameters["final-resp-ok"] != nil { request.successData = .inSuccess }
        if connection.kind == .mail { request.takeBindings(parameters) }
        let channel = self.configuration.mechanisms.channel(request.channelBindings)
        let host = request.remoteAddress.flatMap { IPNetwork($0) }
        let isFree =
            parameters["no-penalty"] != nil || request.remoteAddress == nil
            || !request.isProxied
                && host.map { host in self.configuration.penaltyExempt.contains { $0.contains(host) } } == true
        let penaltyKey = isFree ? nil : PenaltyTable.key(request.remoteAddress)
        if let penaltyKey {
            guard self.openByAddress[penaltyKey, default: 0] < Self.maximumOpenByAddress else {
                self.refuse(number, id, AuthenticationFailure(.temporary))
                return nil
            }
            self.openByAddress[penaltyKey, default: 0] += 1
        }
        let serial = self.newSerial()
        self.attempts[serial] = AuthAttempt(
            connection: number, id: id, request: request,
            answer: parameters["userdb"] != nil && connection.kind == .mail ? .withRecord : .bare,
            verifier: self.verifier, exchange: mechanism.begin(on: channel),
            phase: .penalised(initialResponse: initialResponse), started: self.now, user: nil,
            isFreeOfPenalty: isFree, penaltyKey: penaltyKey)
        self.connections[number]?.open[id] = serial
        let delay = isFree ? 0 : self.penalties.delay(request.remoteAddress, now: self.now)
        if delay > 0 {
            self.timers.insert(.begin(serial: serial), at: self.now + delay)
        } else {
            self.begin(serial)
        }
        return nil
    }

    private func receivedContinuation(_ line: AuthLine, _ number: UInt64) {
        guard let id = line.number(1) else { return }
        guard let serial = self.connections[number]?.open[id], let attempt = self.attempts[serial],
            attempt.awaitsClient
        else {
            // Also while a penalty or a check runs: nobody asked.
            if let serial = self.connections[number]?.open.removeValue(forKey: id) {
                self.abandon(serial)
            }
            self.refuse(number, id, AuthenticationFailure(.credentials, message: "Unexpected continuation"))
            return
        }
        guard let response = Base64.decode(line.fields.count > 2 ? line.fields[2] : []) else {
            self.fail(serial, AuthenticationFailure(.malformedResponse, message: "Invalid base64 data"))
            return
        }
        self.respond(serial, response)
    }

    private func receivedCancel(_ line: AuthLine, _ number: UInt64) {
        guard let id = line.number(1), let serial = self.connections[number]?.open.removeValue(forKey: id)
        else { return }
        self.abandon(serial)
    }

    private func receivedUser(_ line: AuthLine, _ number: UInt64) {
        guard let id = line.number(1), let typed = line.text(2) else { return }
        let request = AuthenticationRequest(line.parameters(from: 3))
        guard let user = self.configuration.canonicalUser(typed, request) else {
            return self.send(number, Self.userReply(id, .notFound))
        }
        let query = AuthQuery(user: user, request: request)
        if let lookup = self.verifier.resolve(query, waiting: .forbidden) {
            return self.send(number, Self.userReply(id, lookup))
        }
        self.inPool(number, id) { verifier in
            Self.userReply(id, verifier.resolve(query, waiting: .allowed) ?? .temporary(""))
        }
    }

    private func receivedList(_ line: AuthLine, _ number: UInt64) {
        guard let id = line.number(1) else { return }
        let mask = line.parameters(from: 2)["user"] ?? "*"
        self.inPool(number, id) { verifier in
            var reply = AuthLineWriter()
            var status = ""
            do {
                for name in try verifier.list(matching: mask) {
                    reply.begin("LIST")
                    reply.field(id)
                    reply.field(name)
                    reply.end()
                }
            } catch {
                status = "fail"
            }
            reply.begin("DONE")
            reply.field(id)
            reply.field(status)
            reply.end()
            return reply.take()
        }
    }

    private func receivedPass(_ line: AuthLine, _ number: UInt64) {
        guard let id = line.number(1), let typed = line.text(2) else { return }
        let request = AuthenticationRequest(line.parameters(from: 3))
        guard let user = self.configuration.canonicalUser(typed, request) else {
            return self.send(number, Self.userReply(id, .notFound))
        }
        self.inPool(number, id) { verifier in
            var reply = AuthLineWriter()
            do {
                guard let found = try verifier.passwordFields(AuthQuery(user: user, request: request)) else {
                    return Self.userReply(id, .notFound)
                }
                reply.begin("PASS")
                reply.field(id)
                reply.field("user", found.user)
                reply.fields(found.fields)
                reply.fields(found.userFields, prefix: "userdb_")
            } catch {
                reply.begin("FAIL")
                reply.field(id)
                reply.field("code", AuthenticationFailure(.temporary).wireCode)
            }
            reply.end()
            return reply.take()
        }
    }

    /// Has a pool thread make the reply to a lookup.
    private func inPool(_ number: UInt64, _ id: UInt32, _ make: @escaping @Sendable (Verifier) -> [UInt8]) {
        let verifier = self.verifier
        let mailbox = self.mailbox
        let isTaken = self.pool.submit { mailbox.post(.reply(connection: number, make(verifier))) }
        if !isTaken { self.refuse(number, id, AuthenticationFailure(.temporary)) }
    }

    private static func userReply(_ id: UInt32, _ lookup: UserLookup) -> [UInt8] {
        var reply = AuthLineWriter()
        switch lookup {
        case .found(let record):
            reply.begin("USER")
            reply.field(id)
            reply.field(record.user)
            record.write(to: &reply)
        case .notFound:
            reply.begin("NOTFOUND")
            reply.field(id)
        case .temporary:
            // The cause is in our own log and may hold paths.
            reply.begin("FAIL")
            reply.field(id)
            reply.field("reason", "User database did not answer")
            reply.field("code", AuthenticationFailure(.temporary).wireCode)
        }
        reply.end()
        return reply.take()
    }

    /// A FAIL for a request that was never opened, at once.
    private func refuse(_ number: UInt64, _ id: UInt32, _ failure: AuthenticationFailure) {
        self.send(number, Self.failReply(id, failure, user: nil))
    }

    static func failReply(_ id: UInt32, _ failure: AuthenticationFailure, user: String?) -> [UInt8] {
        var reply = AuthLineWriter()
        reply.begin("FAIL")
        reply.field(id)
        reply.field("user", user)
        reply.field("reason", failure.message)
        reply.field("code", failure.wireCode)
        // 2.2-era clients know this in place of the code.
        if failure.code == .temporary { reply.field("temp") }
        reply.end()
        return reply.take()
    }
}

extension AuthenticationRequest {
    /// The request of a line's parameters.
    init(_ parameters: [String: String]) {
        self.init(service: parameters["service"] ?? "")
        self.remoteAddress = parameters["rip"].flatMap { $0.isEmpty ? nil : $0 }
        self.remotePort = parameters["rport"].flatMap { UInt16($0) }
        self.localAddress = parameters["lip"].flatMap { $0.isEmpty ? nil : $0 }
        self.localPort = parameters["lport"].flatMap { UInt16($0) }
        self.session = parameters["session"]
        self.isProxied = parameters["proxied"] != nil
        switch parameters["secured"] {
        case nil: self.security = .cleartext
        case "tls"?: self.security = .tls
        case _?: self.security = .local
        }
    }

    /// Takes the channel's data, which only the mail role knows.
    mutating func takeBindings(_ parameters: [String: String]) {
        for (key, value) in parameters where key.hasPrefix(Self.bindingPrefix) {
            if let data = Base64.decode(value.utf8), !data.isEmpty {
                self.channelBindings[String(key.dropFirst(Self.bindingPrefix.count))] = data
            }
        }
    }
}
