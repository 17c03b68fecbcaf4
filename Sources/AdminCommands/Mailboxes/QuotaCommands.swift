import MailStore

/// `quota ...` on one account.
enum QuotaCommands {
    /// doveadm's columns: storage in KiB.
    static let columns = ["Quota name", "Type", "Value", "Limit", "%"]

    static func get(_ account: any MailAccount, _ output: inout some AdminOutput) async throws(AdminError) {
        let status = try await Self.onQuota(account) { () throws(StoreError) in try await account.quota() }
        func units(_ octets: Int64) -> String { String(QuotaUsage.kibibytes(octets)) }
        try await output.row([
            status.name, "STORAGE", units(status.usage.storage), status.limits.storage.map(units) ?? "-",
            String(status.percentage(of: .storage) ?? 0),
        ])
        try await output.row([
            status.name, "MESSAGE", String(max(0, status.usage.messages)),
            status.limits.messages.map { String($0) } ?? "-", String(status.percentage(of: .messages) ?? 0),
        ])
    }

    static func recalculate(_ account: any MailAccount) async throws(AdminError) {
        _ = try await Self.onQuota(account) { () throws(StoreError) in try await account.recalculateQuota() }
    }

    /// - Parameter change: `nil` takes the account's own limits away.
    static func set(_ change: AdminCommand.QuotaChange?, _ account: any MailAccount) async throws(AdminError) {
        _ = try await Self.onQuota(account) { () throws(StoreError) -> QuotaStatus in
            guard let change else {
                try await account.setQuotaLimits(nil)
                return account.quotaNow
            }
            var limits = account.quotaNow.limits
            if let storage = change.storage { limits.storage = storage == 0 ? nil : storage }
            if let messages = change.messages { limits.messages = messages == 0 ? nil : messages }
            try await account.setQuotaLimits(limits)
            return account.quotaNow
        }
    }

    private static func onQuota(
        _ account: any MailAccount, _ body: () async throws(StoreError) -> QuotaStatus
    ) async throws(AdminError) -> QuotaStatus {
        do throws(StoreError) {
            return try await body()
        } catch {
            throw AdminError(error, "quota of \(account.identity.name)")
        }
    }
}

extension AdminCommand {
    /// What `quota set` changes: `nil` leaves a limit as it is, 0 takes it away.
    public struct QuotaChange: Sendable, Hashable {
        /// Octets.
        public var storage: Int64?
        public var messages: Int64?

        public init(storage: Int64? = nil, messages: Int64? = nil) {
            self.storage = storage
            self.messages = messages
        }

        /// `storage=1G messages=unlimited`
        init(words: [String]) throws(AdminError) {
            for word in words {
                let pair = word.split(separator: "=", maxSplits: 1).map(String.init)
                guard pair.count == 2, let value = Self.number(pair[1], isSize: pair[0] == "storage") else {
                    throw AdminError(
                        .usage, "not a limit: \(word); write storage=1G, messages=10000 or storage=unlimited")
                }
                switch pair[0] {
                case "storage": self.storage = value
                case "messages": self.messages = value
                default: throw AdminError(.usage, "unknown resource: \(pair[0]); there are storage and messages")
                }
            }
        }

        /// Digits with a unit of powers of 1024; `unlimited` is 0.
        private static func number(_ text: String, isSize: Bool) -> Int64? {
            if text == "unlimited" { return 0 }
            let digits = text.prefix { $0.isASCII && $0.isNumber }
            guard let number = Int64(digits) else { return nil }
            let unit = text.dropFirst(digits.count).lowercased()
            if unit.isEmpty { return number }
            guard isSize, let power = ["b", "k", "m", "g", "t"].firstIndex(of: unit) else { return nil }
            let (product, overflow) = number.multipliedReportingOverflow(by: 1 << (10 * Int64(power)))
            return overflow ? nil : product
        }
    }
}
