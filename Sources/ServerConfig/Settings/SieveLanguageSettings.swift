/// Which language scripts may use, and what its extensions need to know of the site.
public struct SieveLanguageSettings: Sendable, Equatable {
    /// As the files have it: names that replace the default, or `+name` and `-name` that change it.
    public var extensions: [String] = []
    /// Those for scripts of the site only, as `extensions`, on top of none.
    public var globalExtensions: [String] = []
    /// How much work a run may take, as CPU time of a slow machine; 0 for no limit.
    public var maximumCPUTime: Duration = .seconds(30)
    public var maximumVariableSize: UInt64 = 4 << 10
    public var maximumVariables = 255
    public var maximumIncludeDepth = 10
    public var maximumIncludes = 255
    /// The largest header field that a script adds, in octets.
    public var maximumHeaderSize: UInt64 = 2048
    /// Fields that scripts must not add, and those that they must not delete.
    public var headersNotAdded: [String] = []
    public var headersNotDeleted: [String] = []
    public var spamTest = SieveStatusTestSettings()
    public var virusTest = SieveStatusTestSettings()
    public var pipe = SieveProgramSettings()
    public var filter = SieveProgramSettings()
    public var execute = SieveProgramSettings()
    public var lists: [SieveListSettings] = []
    /// What scripts may read as `vnd.dovecot.config.NAME`.
    public var items: [FieldSetting] = []

    public init() {}
}

/// How spamtest or virustest finds what a scanner has written.
public struct SieveStatusTestSettings: Sendable, Equatable {
    public var type = SieveStatusType.none
    /// `Header` or `Header:regular-expression`.
    public var statusHeader = ""
    public var maximumValue = ""
    public var maximumHeader = ""
    /// `N=text`.
    public var texts: [String] = []

    public init() {}
}

/// How a scanner writes its result.
public enum SieveStatusType: String, SettingChoice {
    /// There is no scanner.
    case none
    case score
    case strlen
    case text
}

/// Programs of one extension.
public struct SieveProgramSettings: Sendable, Equatable {
    public var binDirectory = ""
    /// Below base_dir.
    public var socketDirectory = ""
    public var timeout: Duration = .seconds(10)
    public var inputLineEnd = SieveLineEnd.crlf

    public init() {}
}

public enum SieveLineEnd: String, SettingChoice { case crlf, lf }

/// A list that scripts may ask (RFC 6134).
public struct SieveListSettings: Sendable, Equatable {
    /// As scripts name it.
    public var name: String
    /// Unexpanded; empty: a list without members.
    public var path = ""
    public var form = SieveListForm.lines

    public init(name: String) { self.name = name }
}

public enum SieveListForm: String, SettingChoice { case lines, pairs }

extension SieveLanguageSettings {
    /// Every extension there is, as `require` names it.
    package static let knownExtensions = [
        "body", "comparator-i;ascii-casemap", "comparator-i;ascii-numeric", "comparator-i;octet",
        "comparator-i;unicode-casemap", "copy", "date", "duplicate", "editheader", "enclose", "encoded-character",
        "enotify", "envelope", "environment", "ereject", "extlists", "extracttext", "fcc", "fileinto", "foreverypart",
        "ihave", "imap4flags", "imapflags", "imapsieve", "include", "index", "mailbox", "mailboxid", "mboxmetadata",
        "mime", "notify", "regex", "reject", "relational", "replace", "servermetadata", "spamtest", "spamtestplus",
        "special-use",
        "subaddress", "vacation", "vacation-seconds", "variables", "virustest", "vnd.dovecot.debug",
        "vnd.dovecot.duplicate", "vnd.dovecot.environment", "vnd.dovecot.execute", "vnd.dovecot.filter",
        "vnd.dovecot.imapsieve",
        "vnd.dovecot.pipe", "vnd.dovecot.report",
    ]

    /// What the words of `extensions` make of a default.
    public static func applied(_ words: [String], to standard: Set<String>) -> Set<String> {
        let isRelative = words.contains { $0.hasPrefix("+") || $0.hasPrefix("-") }
        if words.isEmpty { return standard }
        var set = isRelative ? standard : []
        for word in words {
            if word.hasPrefix("-") {
                set.remove(String(word.dropFirst()))
            } else {
                set.insert(word.hasPrefix("+") ? String(word.dropFirst()) : word)
            }
        }
        return set
    }
}
