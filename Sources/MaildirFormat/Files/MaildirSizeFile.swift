import IndexedStore
import MailCore
import MailStore

/// The text of `maildirsize`: limits in the first line, then lines of octets and messages that add up to what the
/// account holds, as files have it on the disk.
///
///     10485760S,1000C
///     5242880 500
///     4711 1
///     -812 -1
struct MaildirSizeFile: Equatable {
    /// `nil` for a resource without a limit.
    var limits = QuotaLimits.none
    var total = QuotaUsage.zero
    /// Lines below the first.
    var lines = 0

    init(_ limits: QuotaLimits, _ total: QuotaUsage) {
        self.limits = limits
        self.total = total
        self.lines = 1
    }

    /// `nil` when a line means nothing: the file is then to be made anew.
    init?(_ bytes: [UInt8]) {
        var rows = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)[...]
        guard let head = rows.popFirst(), let limits = Self.limits(head) else { return nil }
        self.limits = limits
        for row in rows {
            let fields = row.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
            if fields.isEmpty { continue }
            guard fields.count == 2, let octets = Self.number(fields[0]), let messages = Self.number(fields[1])
            else { return nil }
            self.total = self.total + QuotaUsage(storage: octets, messages: messages)
            self.lines += 1
        }
    }

    private static func limits(_ head: some Sequence<UInt8>) -> QuotaLimits? {
        var limits = QuotaLimits()
        for part in Array(head).split(separator: UInt8(ascii: ",")) {
            guard let unit = part.last, let number = Self.number(part.dropLast()), number >= 0 else { return nil }
            switch unit {
            case UInt8(ascii: "S"): limits.storage = number == 0 ? nil : number
            case UInt8(ascii: "C"): limits.messages = number == 0 ? nil : number
            default: return nil
            }
        }
        return limits
    }

    private static func number(_ text: some Collection<UInt8>) -> Int64? {
        guard text.count <= 20 else { return nil }
        return Int64(String(decoding: text, as: UTF8.self))
    }

    /// The whole file with one line below the first.
    func encoded() -> [UInt8] {
        var head = "\(self.limits.storage ?? 0)S"
        if let messages = self.limits.messages { head += ",\(messages)C" }
        return Array("\(head)\n".utf8) + Self.line(self.total)
    }

    static func line(_ change: QuotaUsage) -> [UInt8] { Array("\(change.storage) \(change.messages)\n".utf8) }

    /// Whether the account holds more than the file allows.
    var isExceeded: Bool {
        if let limit = self.limits.storage, self.total.storage > limit { return true }
        if let limit = self.limits.messages, self.total.messages > limit { return true }
        return false
    }
}

/// Changes of what an account's files hold, by the path of the mailbox.
struct SizeChanges: Sendable {
    var byMailbox: [[UInt8]: QuotaUsage] = [:]
    /// Whether the next look has to count everything.
    var isUnknown = false
}
