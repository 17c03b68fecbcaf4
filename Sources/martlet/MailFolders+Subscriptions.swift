import AdminCommands
import ArchiveCore
import MailCore

/// Which mailboxes a file beside mail files says to be subscribed.
extension MailFolders {
    private static let maximumOctets = 4 << 20

    /// Those of `subscriptions` in a Maildir, or of `.subscriptions` in a directory of mbox files, as `export` and
    /// Dovecot write them. None where there is no such file, or a link.
    static func subscriptions(_ path: String, _ form: MailFileForm) throws(AdminError) -> [MailboxName] {
        guard Directory.isThere(path) else { return [] }
        let file = form == .maildir ? "subscriptions" : ".subscriptions"
        guard Directory.names(path).contains(file), !Directory.isLink("\(path)/\(file)") else { return [] }
        let reader = try FileReader("\(path)/\(file)", below: try RealDirectory(path))
        var octets: [UInt8] = []
        while let piece = try reader.next() {
            octets += piece
            guard octets.count <= Self.maximumOctets else {
                throw AdminError(.data, "\(path)/\(file) is too long to be a list of mailboxes")
            }
        }
        return Self.subscriptions(octets, form, hasDots: Self.hasDottedNames(path))
    }

    /// Whether levels are joined by dots: in all Maildirs but those with a directory for each level.
    private static func hasDottedNames(_ path: String) -> Bool {
        !Directory.names(path).contains { !$0.hasPrefix(".") && Directory.isThere("\(path)/\($0)/cur") }
    }

    /// A name a line. `V` TAB `2` in the first line: levels are split by TAB.
    private static func subscriptions(_ octets: [UInt8], _ form: MailFileForm, hasDots: Bool) -> [MailboxName] {
        let lines = octets.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
        let isSplitByTab = lines.first == "V\t2"
        let separator: Character = isSplitByTab ? "\t" : form == .maildir && hasDots ? "." : "/"
        return lines.dropFirst(isSplitByTab ? 1 : 0).compactMap { line in
            let levels = line.split(separator: separator, omittingEmptySubsequences: false).map { text in
                form == .maildir ? Self.level(String(text)) : String(text)
            }
            return MailboxName(levels.joined(separator: "/"))
        }
    }
}
