import MIMECore
import MailCore
import Synchronization

/// Which message was sent on where, so that a message that comes again, from a loop or because the MTA tried
/// again after a later step failed, is not sent twice.
///
/// In memory, bounded; safe to use from any thread.
final class RedirectHistory: Sendable {
    private struct Key: Hashable {
        var account: String
        var address: String
        var message: [UInt8]
    }

    private struct State {
        /// When it was sent, in milliseconds of a steady clock.
        var sent: [Key: Int64] = [:]
        var order: [Key] = []
        var first = 0
    }

    private let state = Mutex(State())
    private let period: Int64
    private let clock: @Sendable () -> Int64

    private static let maximumEntries = 50_000

    init(period: Duration, clock: @escaping @Sendable () -> Int64 = ScriptLibrary.steadyMilliseconds) {
        self.period = period.components.seconds * 1000
        self.clock = clock
    }

    func wasSent(_ message: [UInt8], by account: String, to address: String) -> Bool {
        let now = self.clock()
        let key = Key(account: account, address: address, message: message)
        return self.state.withLock { state in
            guard let sent = state.sent[key] else { return false }
            return now - sent < self.period
        }
    }

    func note(_ message: [UInt8], by account: String, to address: String) {
        let now = self.clock()
        let key = Key(account: account, address: address, message: message)
        self.state.withLock { state in
            if state.sent.updateValue(now, forKey: key) == nil { state.order.append(key) }
            while state.sent.count > Self.maximumEntries, state.first < state.order.count {
                state.sent[state.order[state.first]] = nil
                state.first += 1
            }
            if state.first > Self.maximumEntries {
                state.order.removeFirst(state.first)
                state.first = 0
            }
        }
    }

    /// What makes a message the same one: its Message-ID, or without one its From, Date and Subject. Empty when
    /// it has none of them: then every copy is a message of its own.
    static func identity(of bytes: UnsafeRawBufferPointer) -> [UInt8] {
        let octets = Octets(bytes)
        var rest: [UInt8] = []
        for field in HeaderScanner(octets) {
            let name = octets[field.name]
            if name.equals(lowercase: "message-id") {
                let body = HeaderBody.unfolded(octets[field.body][0..<1000])
                if !body.isEmpty { return body }
            } else if name.equals(lowercase: "from") || name.equals(lowercase: "date")
                || name.equals(lowercase: "subject"), rest.count < 2000
            {
                rest.append(contentsOf: name.buffer)
                HeaderBody.appendUnfolded(octets[field.body][0..<600], to: &rest)
                rest.append(0)
            }
        }
        return rest
    }
}
