/// A quota rule in the older spelling, as in `*:storage=1G:messages=1000`, `Trash:storage=+10%` or `Junk:ignore`.
public struct QuotaRuleText: Sendable, Equatable {
    /// An amount, or what is added to the account's.
    public enum Amount: Sendable, Equatable {
        case limit(UInt64)
        case extra(UInt64)
        case extraPercentage(Int)

        /// Whether it is told from the account's own limit.
        public var isRelative: Bool {
            if case .limit = self { false } else { true }
        }
    }

    /// The mailbox as clients see its name; `*` for the account.
    public var mailbox: String
    public var storage: Amount?
    public var messages: Amount?
    public var isIgnored = false

    /// `nil` for a text that is none.
    public init?(_ text: String) {
        var parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count >= 2, !parts[0].isEmpty else { return nil }
        self.mailbox = parts.removeFirst()
        for part in parts {
            if part == "ignore" {
                self.isIgnored = true
                continue
            }
            let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
            guard pair.count == 2 else { return nil }
            switch pair[0] {
            // Without a unit `storage` is in KiB.
            case "storage":
                guard let amount = Self.amount(pair[1], unit: 1024) else { return nil }
                self.storage = amount
            case "bytes":
                guard let amount = Self.amount(pair[1], unit: 1) else { return nil }
                self.storage = amount
            case "messages":
                guard let amount = Self.amount(pair[1], unit: 1) else { return nil }
                self.messages = amount
            default: return nil
            }
        }
    }

    private static func amount(_ text: String, unit: UInt64) -> Amount? {
        var number = text
        let isExtra = number.hasPrefix("+")
        if isExtra { number.removeFirst() }
        if number.hasSuffix("%") {
            number.removeLast()
            if number.hasSuffix("%") { number.removeLast() }
            guard let percent = Int(number), (0...100_000).contains(percent) else { return nil }
            return .extraPercentage(isExtra ? percent : percent - 100)
        }
        guard case .value(let octets) = SettingSyntax.size(number) else { return nil }
        let isPlain = number.utf8.allSatisfy { (0x30...0x39).contains($0) }
        let (product, overflow) = octets.multipliedReportingOverflow(by: isPlain ? unit : 1)
        guard !overflow, product <= UInt64(Int64.max) else { return nil }
        return isExtra ? .extra(product) : .limit(product)
    }
}

extension QuotaRuleText {
    /// The private namespace that has the rule's mailbox, by its place among all, and the name that the mailbox has there:
    /// the longest prefix counts, and what begins with none is beside INBOX.
    public func place(in namespaces: [NamespaceSettings]) -> (namespace: Int, mailbox: String)? {
        let fitting = namespaces.indices.filter { index in
            let (type, prefix) = (namespaces[index].type, namespaces[index].prefix)
            return type == .private && !prefix.isEmpty && self.mailbox.hasPrefix(prefix) && self.mailbox != prefix
        }
        let longest = fitting.max { namespaces[$0].prefix.utf8.count < namespaces[$1].prefix.utf8.count }
        if let longest { return (longest, String(self.mailbox.dropFirst(namespaces[longest].prefix.count))) }
        return namespaces.firstIndex { $0.holdsInbox }.map { ($0, self.mailbox) }
    }
}
