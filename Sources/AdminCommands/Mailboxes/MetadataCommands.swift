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
        let owner: MetadataOwner =
            mailbox.isEmpty ? .server : .mailbox(try await MailboxCommands.name(mailbox, account))
        try Self.refuseSettings(action, owner)
        switch action {
        case .get(let text):
            let entry = try Self.entry(text)
            // As doveadm, an entry that is not there has an empty value.
            let value = try await Self.read(owner, mailbox, account).first { $0.entry == entry }?.value ?? []
            try await output.row([value])
        case .set(let text, let value):
            try await Self.change(text, to: Array(value.utf8), owner, mailbox, account)
        case .unset(let text):
            try await Self.change(text, to: nil, owner, mailbox, account)
        case .list(let prefix, let showsOwners):
            let wanted = prefix.lowercased()
            for metadata in try await Self.read(owner, mailbox, account) {
                guard metadata.entry.text.hasPrefix(wanted) else { continue }
                let name = showsOwners ? metadata.entry.text[...] : metadata.entry.suffix
                try await output.row([Array(name.utf8)])
            }
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

    private static func read(
        _ owner: MetadataOwner, _ mailbox: String, _ account: any MailAccount
    ) async throws(AdminError) -> [Metadata] {
        do throws(StoreError) {
            return try await account.metadata(of: owner)
        } catch {
            throw AdminError(error, Self.subject(mailbox))
        }
    }

    private static func change(
        _ text: String, to value: [UInt8]?, _ owner: MetadataOwner, _ mailbox: String, _ account: any MailAccount
    ) async throws(AdminError) {
        let entry = try Self.entry(text)
        do throws(StoreError) {
            try await account.setMetadata([MetadataChange(entry, value)], of: owner)
        } catch {
            throw AdminError(error, Self.subject(mailbox))
        }
    }

    private static func subject(_ mailbox: String) -> String {
        mailbox.isEmpty ? "server metadata" : "mailbox \(mailbox)"
    }

    private static func entry(_ text: String) throws(AdminError) -> MetadataEntry {
        guard let entry = MetadataEntry(text) else {
            throw AdminError(.usage, "not an entry: \(text); they begin with /private/ or /shared/")
        }
        return entry
    }
}
