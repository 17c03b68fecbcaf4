import Accounts
import Authentication
import Delivery
import Logging
import MailCore
import MailStore
import ServerCore

/// One connection of an MTA: any number of requests, one after the other.
actor QuotaStatusSession {
    nonisolated let connection: Connection
    nonisolated var unownedExecutor: UnownedSerialExecutor { self.connection.executor.asUnownedSerialExecutor() }

    private let options: QuotaStatusOptions
    private var request = PolicyRequest()

    /// Octets of one line.
    private static let maximumLine = 4096

    init(_ connection: Connection, _ options: QuotaStatusOptions) {
        self.connection = connection
        self.options = options
    }

    func run() async {
        // An MTA keeps its connection for as long as it likes; Postfix closes an idle one after five minutes.
        self.connection.setDeadline(after: nil)
        do throws(ConnectionError) {
            while try await self.step() { await self.connection.shareLoop() }
            try await self.connection.flush()
        } catch {
            self.options.logger.debug("quota-status: connection ended: \(error.reason)")
        }
    }

    /// Reads one line; `false` when the client is none of this protocol.
    private func step() async throws(ConnectionError) -> Bool {
        var request = self.request
        let found = self.connection.withInput { input -> (PolicyRequest.Step, Int)? in
            var position = 0
            while position < input.count, input[position] != 0x0A { position += 1 }
            guard position < input.count else { return nil }
            let end = position > 0 && input[position - 1] == 0x0D ? position - 1 : position
            return (request.take(input.extracting(0..<end)), position + 1)
        }
        guard let (step, length) = found else {
            guard self.connection.unread <= Self.maximumLine else { return false }
            try await self.connection.flush()
            try await self.connection.readMore()
            return true
        }
        self.connection.consume(length)
        self.request = request
        switch step {
        case .needMore: return true
        case .tooLong: return false
        case .complete:
            let action = await self.action(request)
            self.request = PolicyRequest()
            // One line, whatever a setting holds.
            let line = action.utf8.map { $0 < 0x20 ? 0x20 : $0 }
            self.connection.write(Array("action=".utf8) + line + [0x0A, 0x0A])
            try await self.connection.flushIfLarge()
            return true
        }
    }

    private func action(_ request: PolicyRequest) async -> String {
        // After DATA of several recipients there is none: they were asked for before.
        guard !request.recipient.isEmpty else { return self.options.success }
        let (name, detail) = request.user(delimiters: self.options.recipientDelimiter)
        let lookup = AuthenticationRequest(
            service: "quota-status", security: .local, session: self.connection.sessionID)
        switch await self.options.authenticator.lookup(name, lookup) {
        case .notFound: return self.options.noUser
        case .temporary(let reason):
            self.options.logger.error("quota-status: Lookup of \(LogText.field(name)): \(reason)")
            return self.options.temporary
        case .found(let user):
            do throws(StoreError) {
                let account = try await self.options.accounts.open(user)
                try await self.options.keep.checkQuota(octets: request.size, of: account, detail: detail)
                return self.options.success
            } catch {
                switch error.code {
                case .overQuota, .tooBig:
                    self.options.logger.info(
                        "quota-status: \(LogText.field(name)), size=\(request.size), queue-id=\(LogText.field(request.queueID)): \(error.code)"
                    )
                    return error.code == .overQuota ? self.options.overQuota : self.options.tooLarge
                case .notFound, .alreadyExists, .noPermission, .cannot, .expunged, .limit, .inUse, .diskFull,
                    .temporary, .damaged:
                    self.options.logger.error("quota-status: Account of \(user.user): \(error)")
                    return self.options.temporary
                }
            }
        }
    }
}
