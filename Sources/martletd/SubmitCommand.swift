import ServerConfig
import Synchronization

/// The program that the submit role runs, and the most it may be fed.
final class SubmitCommand: Sendable {
    struct Value: Sendable {
        var words: [String]
        /// Octets.
        var maximumSize: UInt64
    }

    private let value: Mutex<Value>

    init(_ settings: Settings) { self.value = Mutex(Self.value(settings)) }

    var current: Value { self.value.withLock { $0 } }

    func replace(_ settings: Settings) {
        let new = Self.value(settings)
        self.value.withLock { $0 = new }
    }

    private static func value(_ settings: Settings) -> Value {
        let size = settings.mail.maximumMessageSize
        // Redirecting adds a field or two.
        return Value(
            words: settings.delivery.sendmailPath.split(separator: " ").map(String.init),
            maximumSize: size == 0 ? .max : size.addingReportingOverflow(65_536).partialValue)
    }
}
