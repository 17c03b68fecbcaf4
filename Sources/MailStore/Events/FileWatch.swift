public import MailCore

/// Keeps the files of a mailbox watched for as long as it lives.
public final class FileWatch: Sendable {
    private let onEnd: @Sendable () -> Void

    /// - Parameter onEnd: called once, from any thread.
    public init(onEnd: @escaping @Sendable () -> Void) { self.onEnd = onEnd }

    deinit { self.onEnd() }
}

extension MailAccount {
    public func watchFiles(of name: MailboxName) async throws(StoreError) -> FileWatch? { nil }
}
