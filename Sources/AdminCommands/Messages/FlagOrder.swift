public import MailCore
public import MailStore

/// What `flags` does to messages: `flags add '\Seen $Work' QUERY`.
public struct FlagOrder: Sendable, Hashable {
    public var mode: FlagChange.Mode
    public var flags: MessageFlags = []
    public var keywords: [Keyword] = []

    private static let system: [(name: String, flag: MessageFlags)] = [
        ("\\Answered", .answered), ("\\Flagged", .flagged), ("\\Deleted", .deleted), ("\\Seen", .seen),
        ("\\Draft", .draft),
    ]

    /// - Parameters:
    ///   - verb: `add`, `remove` or `replace`.
    ///   - text: flags and keywords, separated by blanks; none only where they replace others.
    init(_ verb: String, _ text: String) throws(AdminError) {
        switch verb {
        case "add": self.mode = .add
        case "remove": self.mode = .remove
        case "replace": self.mode = .replace
        default: throw AdminError(.usage, "unknown command: flags \(verb); there are add, remove, replace")
        }
        for word in text.split(separator: " ").map(String.init) {
            if let known = Self.system.first(where: { ASCII.equalsIgnoringCase($0.name.utf8, word.utf8) }) {
                self.flags.formUnion(known.flag)
            } else if !word.hasPrefix("\\"), let keyword = Keyword(word) {
                self.keywords.append(keyword)
            } else {
                let names = Self.system.map(\.name).joined(separator: " ")
                throw AdminError(.usage, "flags: not a flag: \(word); there are \(names), and keywords without \\")
            }
        }
        guard self.mode == .replace || !self.flags.isEmpty || !self.keywords.isEmpty else {
            throw AdminError(.usage, "flags \(verb): name flags, such as '\\Seen'")
        }
    }

    var change: FlagChange { FlagChange(self.mode, self.flags, self.keywords) }
}
