/// A verb on whole accounts as an administrator keeps them: backups and what comes back of them.
public enum UpkeepVerb: Sendable, Hashable {
    /// Sends a backup as rows of octets. `isIncrement`: the beginning of an earlier one comes as input.
    case backup(BackupOptions)
    /// Takes backups as input, `files` of them one after the other. With several, the beginning of the last comes
    /// first.
    case restore(RestoreOptions)

    public struct BackupOptions: Sendable, Hashable {
        public var isIncrement = false
        /// Masks of mailbox names; empty for all.
        public var masks: [String] = []
        /// The namespace whose mail it is; `nil`: that of INBOX.
        public var namespace: String?
        /// Says which mail of the user is in other namespaces, and so left out: for files that nobody reads as a backup.
        public var namesOmissions = false
    }

    public struct RestoreOptions: Sendable, Hashable {
        public enum Kind: Sendable, Hashable {
            /// A backup: UIDs, UIDVALIDITY and all else come back as far as they can.
            case backup
            /// Messages of elsewhere: they get new UIDs.
            case messages
        }

        public var kind = Kind.backup
        public var files = 1
        public var masks: [String] = []
        public var namespace: String?
        /// A mailbox below which everything comes.
        public var into: String?
        /// Leaves messages out whose Message-ID the mailbox has already.
        public var skipsDuplicates = false
    }

    /// - Parameter words: `name=value`, as `martlet` makes them of its options.
    init(_ verb: String, _ words: [String]) throws(AdminError) {
        var backup = BackupOptions()
        var restore = RestoreOptions()
        if verb == "import" { restore.kind = .messages }
        for word in words {
            guard let equals = word.firstIndex(of: "=") else { throw Self.mistake(verb, word) }
            let value = String(word[word.index(after: equals)...])
            switch (verb, word[..<equals]) {
            case ("backup", "increment"): backup.isIncrement = value == "yes"
            case ("backup", "mailbox"): backup.masks.append(value)
            case ("backup", "namespace"): backup.namespace = value
            case ("backup", "omissions"): backup.namesOmissions = value == "named"
            case ("restore", "namespace"), ("import", "namespace"): restore.namespace = value
            case ("restore", "files"):
                guard let count = Int(value), (1...10_000).contains(count) else { throw Self.mistake(verb, word) }
                restore.files = count
            case ("restore", "mailbox"), ("import", "mailbox"): restore.masks.append(value)
            case ("restore", "into"), ("import", "into"): restore.into = value
            case ("import", "duplicates"): restore.skipsDuplicates = value == "skip"
            default: throw Self.mistake(verb, word)
            }
        }
        switch verb {
        case "backup": self = .backup(backup)
        case "restore", "import": self = .restore(restore)
        default: throw Self.mistake(verb, "")
        }
    }

    private static func mistake(_ verb: String, _ word: String) -> AdminError {
        AdminError(.usage, "\(verb): not an option: \(word)")
    }

    var columns: [String] {
        switch self {
        case .backup: ["data"]
        case .restore: ["mailbox", "restored", "present", "renumbered", "flags"]
        }
    }
}
