import Logging
import NIOCore

/// What happens to each accepted channel, on its own loop.
struct Acceptor: Sendable {
    let options: ListenerOptions
    /// For connections to come.
    let settings: CurrentSettings
    let service: any ConnectionService
    let loops: ConnectionLoops
    let contexts: TLSContexts
    let limits: ConnectionLimits
    let registry: SessionRegistry
    let logger: Logger
    /// Of the socket that listens.
    let isUnix: Bool

    func accepted(_ channel: any Channel) throws {
        // A peer that resets at once can have left commands behind, which nobody is to run for nobody knows whom.
        guard let ends = ConnectionEnds(channel, isUnix: self.isUnix) else {
            throw ConnectionError(.closed, "Gone already")
        }
        if !self.isUnix {
            try channel.syncOptions?.setOption(.tcpOption(.tcp_nodelay), value: 1)
            try channel.syncOptions?.setOption(.socketOption(.so_keepalive), value: 1)
        }
        if let proxies = self.options.proxies {
            try self.awaitHeader(channel, ends, proxies)
        } else {
            try self.connected(channel, ends)
        }
    }

    /// Goes on when the proxy has said who the client is.
    private func awaitHeader(_ channel: any Channel, _ ends: ConnectionEnds, _ proxies: TrustedProxies) throws {
        guard proxies.contains(ends.remote) else {
            self.logRefusal("not from a proxy in haproxy_trusted_networks", ends.remote)
            throw ConnectionError(.closed, "Refused")
        }
        guard self.limits.acquire() else {
            self.logRefusal(Refusal.tooManyConnections.logText, ends.remote)
            throw ConnectionError(.closed, "Refused")
        }
        let handler = ProxyHeaderHandler(timeout: proxies.timeout) { outcome in
            self.limits.release()
            switch outcome {
            case .header(let header):
                do {
                    try self.connected(channel, ends.told(by: header))
                } catch {
                    channel.close(promise: nil)
                }
            case .failed(let reason):
                self.logEnd(reason, ends.remote)
                channel.close(promise: nil)
            case .closed:
                channel.close(promise: nil)
            }
        }
        do {
            try channel.pipeline.syncOperations.addHandler(handler)
        } catch {
            self.limits.release()
            throw error
        }
    }

    private func connected(_ channel: any Channel, _ ends: ConnectionEnds) throws {
        let executor = self.loops.executor(for: channel.eventLoop)
        let time = UnixTime.now()
        let id = self.loops.nextConnectionID()
        let connection = Connection(
            channel: channel, ends: ends, executor: executor, id: id, sessionID: SessionID.make(id, time),
            limits: self.settings.value, registry: self.registry, counters: self.limits)
        try channel.pipeline.syncOperations.addHandler(ConnectionChannelHandler(connection))

        if let refusal = connection.enter(service: self.options.service, since: time.seconds) {
            self.logRefusal(refusal.logText, connection.remoteAddress)
            guard self.options.security == .clear else {
                throw ConnectionError(.closed, "Refused")
            }
            guard self.limits.acquireRefused() else { throw ConnectionError(.closed, "Refused") }
            connection.write(self.service.refusal(refusal))
            Task(executorPreference: executor) {
                await connection.close()
                self.limits.releaseRefused()
            }
            return
        }
        if self.limits.mayTell(time.seconds) {
            let what = "client_limit or the limit of open files reached: connections without a login are cut for newer ones"
            self.logger.warning("\(what), service=\(self.options.service)")
        }
        do throws(ConnectionError) {
            try self.begin(connection)
        } catch {
            connection.leave()
            connection.countOut()
            throw error
        }
        // Loose by design: it lives as long as the connection, and the registry can end it.
        Task(executorPreference: executor) { await self.run(connection) }
    }

    private func logRefusal(_ reason: String, _ address: PeerAddress) {
        self.logger.warning("Connection refused: \(reason), service=\(self.options.service), rip=\(address)")
    }

    private func logEnd(_ reason: String, _ address: PeerAddress) {
        self.logger.info("Disconnected: \(reason), service=\(self.options.service), rip=\(address)")
    }

    private func begin(_ connection: Connection) throws(ConnectionError) {
        guard self.options.security == .implicitTLS else { return }
        guard let context = self.contexts.current else {
            self.logger.error("TLS connection refused: no certificate, service=\(self.options.service)")
            throw ConnectionError(.tls, "No certificate is configured")
        }
        try connection.addTLS(context, applicationProtocol: self.options.applicationProtocol)
    }

    private func run(_ connection: Connection) async {
        if let time = connection.limits.loginTimeout { connection.setDeadline(after: time) }
        do throws(ConnectionError) {
            if self.options.security == .implicitTLS { try await connection.finishHandshake() }
        } catch {
            self.logEnd(error.reason, connection.remoteAddress)
            return await self.end(connection)
        }
        await self.service.serve(connection)
        await self.goOn(connection)
    }

    /// After a session has returned: because it is over, or to wait without a task.
    private func goOn(_ connection: Connection) async {
        let isResting = connection.beginRest { body in
            // Loose as the first one.
            Task(executorPreference: connection.executor) {
                await body()
                await self.goOn(connection)
            }
        }
        if !isResting { await self.end(connection) }
    }

    private func end(_ connection: Connection) async {
        connection.leave()
        await connection.close()
        // Not before: until here it holds a descriptor and the answers its peer has not read.
        connection.countOut()
    }
}

extension Refusal {
    var logText: String {
        switch self {
        case .tooManyConnections: "too many connections"
        case .tooManyFromAddress: "too many connections from this address"
        case .shuttingDown: "shutting down"
        }
    }
}
