import MailCore
import MailStore

extension AdminCommand {
    /// What `mailbox metadata` does to one mailbox, or to the server where the name is empty.
    public enum MetadataAction: Sendable, Hashable {
        case get(entry: String)
        case set(entry: String, value: String)
        case unset(entry: String)
        /// - showsOwners: whether `/private` or `/shared` stands before the names.
        case list(prefix: String, showsOwners: Bool)

        var columns: [String] {
            switch self {
            case .get: ["value"]
            case .list: ["key"]
            case .set, .unset: []
            }
        }
    }
}

/// `mailbox metadata ...` on one account.
enum MetadataCommands {
    static func run(
        _ action: AdminCommand.MetadataAction, _ mailbox: String, _ account: any MailAccount,
        _ output: inout some AdminOutput
    ) async throws(AdminError) {
        let owner = try Self.owner(mailbox, account)
        try Self.refuseSettings(action, owner)
        do throws(StoreError) {
            switch action {
            case .get(let text):
                let entry = try Self.entry(text)
                // As doveadm, an entry that is not there has an empty value.
                let value = try await account.metadata(of: owner).first { $0.entry == entry }?.value ?? []
                try await Self.row([value], &output)
            case .set(let text, let value):
                try await account.setMetadata([MetadataChange(try Self.entry(text), Array(value.utf8))], of: owner)
            case .unset(let text):
                try await account.setMetadata([MetadataChange(try Self.entry(text), nil)], of: owner)
            case .list(let prefix, let showsOwners):
                let wanted = prefix.lowercased()
                for metadata in try await account.metadata(of: owner) {
                    guard metadata.entry.text.hasPrefix(wanted) else { continue }
                    let name = showsOwners ? metadata.entry.text[...] : metadata.entry.suffix
                    try await Self.row([Array(name.utf8)], &output)
                }
            }
        } catch {
            throw AdminError(error, mailbox.isEmpty ? "server metadata" : "mailbox \(mailbox)")
        }
    }

    /// What the server says of itself is in its configuration: stored for one account nobody would see it.
    private static func refuseSettings(
        _ action: AdminCommand.MetadataAction, _ owner: MetadataOwner
    ) throws(AdminError) {
        let text: String
        switch action {
        case .get(let entry), .set(let entry, _), .unset(let entry): text = entry.lowercased()
        case .list: return
        }
        guard owner == .server, ["/shared/comment", "/shared/admin"].contains(text) else { return }
        let setting = text == "/shared/admin" ? "mail_server_admin" : "mail_server_comment"
        throw AdminError(.usage, "\(text) of the server is the setting \(setting)")
    }

    /// A failure to write ends the command as one of the store would.
    private static func row(_ values: [[UInt8]], _ output: inout some AdminOutput) async throws(StoreError) {
        do throws(AdminError) {
            try await output.row(values)
        } catch {
            throw StoreError(.temporary, error.message)
        }
    }

    private static func owner(_ mailbox: String, _ account: any MailAccount) throws(AdminError) -> MetadataOwner {
        if mailbox.isEmpty { return .server }
        guard let name = account.spelling.name(of: mailbox) else {
            throw AdminError(.usage, "not a mailbox name: \(mailbox)")
        }
        return .mailbox(name)
    }

    private static func entry(_ text: String) throws(StoreError) -> MetadataEntry {
        guard let entry = MetadataEntry(text) else {
            throw StoreError(.cannot, "not an entry: \(text); they begin with /private/ or /shared/")
        }
        return entry
    }
}
