import MailCore
public import MailStore

/// Delivers messages: from envelope and octets to mailboxes.
///
/// A value: settings of one moment. Safe to use from any thread.
public struct DeliveryAgent: Sendable {
    /// What the site decided.
    public struct Options: Sendable {
        /// Mail to `user+detail` goes into the mailbox `detail` when it exists.
        public var savesToDetailMailbox = false
        /// A missing mailbox is made rather than INBOX taken.
        public var createsMailboxes = false

        public init() {}
    }

    private let store: any MailStore
    private let options: Options

    public init(store: any MailStore, options: Options) {
        self.store = store
        self.options = options
    }

    /// Delivers one message to its recipients, its body stored once. Answered when all of it is durable; the
    /// outcomes are in the order of the recipients.
    public func deliver(
        _ message: IncomingMessage, _ envelope: DeliveryEnvelope, to recipients: [DeliveryRecipient]
    ) async -> [DeliveryOutcome] {
        var deposits: [Deposit] = []
        deposits.reserveCapacity(recipients.count)
        for recipient in recipients {
            deposits.append(
                Deposit(
                    message: message, account: recipient.account, mailbox: self.keepMailbox(recipient),
                    internalDate: envelope.receivedAt,
                    missingMailbox: self.options.createsMailboxes ? .create : .fail))
        }
        let results = await self.store.deposit(deposits)
        var outcomes: [DeliveryOutcome] = []
        for (index, result) in results.enumerated() {
            outcomes.append(await self.outcome(of: result, deposits[index]))
        }
        return outcomes
    }

    /// Where implicit keep files a message.
    private func keepMailbox(_ recipient: DeliveryRecipient) -> MailboxName {
        guard self.options.savesToDetailMailbox, let detail = recipient.detail,
            let name = MailboxName(detail)
        else { return .inbox }
        return name
    }

    private func outcome(
        of result: Result<StoredMessage, StoreError>, _ deposit: Deposit
    ) async -> DeliveryOutcome {
        switch result {
        case .success(let stored):
            return .stored([(deposit.mailbox, stored)])
        case .failure(let error) where error.code == .notFound && deposit.mailbox != .inbox:
            var fallback = deposit
            fallback.mailbox = .inbox
            guard let second = await self.store.deposit([fallback]).first else { return .failed(error) }
            return await self.outcome(of: second, fallback)
        case .failure(let error):
            return .failed(error)
        }
    }
}
