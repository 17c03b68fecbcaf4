internal import MailCore

/// Rows of access control lists about mailboxes of all users by their names: Dovecot's global file of lists.
///
///     * group=archivists lr
///     Trash owner lrwstied
///     "Team/Old things/*" anyone lr
///
/// A row is `PATTERN IDENTIFIER LETTERS[ :WORD ...]`; the name is the one that the user sees, `*` stands for any text and `?`
/// for any character. What a mailbox's own list says counts where no row is about the mailbox and the user.
public struct GlobalAccessList: Sendable {
    private struct Entry: Sendable {
        var mask: Mask
        var row: AccessList.Row
    }

    /// The largest text that is read, in octets.
    public static let maximumTextSize = 1 << 20

    private var entries: [Entry] = []
    /// Whether the text has lines that are no rows. Then nobody but owners has rights: what was meant to be taken away may
    /// stand in them.
    public private(set) var isDamaged = false

    public init(text: [UInt8]) {
        guard text.count <= Self.maximumTextSize else {
            self.isDamaged = true
            return
        }
        for line in text.split(separator: 0x0A) {
            var line = line
            if line.last == 0x0D { line = line.dropLast() }
            if line.isEmpty || line.first == UInt8(ascii: "#") { continue }
            guard let (pattern, rest) = Self.split(line), let row = AccessList(text: Array(rest)).rows.first else {
                self.isDamaged = true
                continue
            }
            self.entries.append(Entry(mask: Mask(String(decoding: pattern, as: UTF8.self)), row: row))
        }
    }

    /// Of a file that cannot be read.
    public static let unreadable: GlobalAccessList = {
        var list = GlobalAccessList(text: [])
        list.isDamaged = true
        return list
    }()

    /// The pattern, perhaps in quotation marks, and what stands behind it.
    private static func split(_ line: ArraySlice<UInt8>) -> (pattern: [UInt8], rest: ArraySlice<UInt8>)? {
        var pattern: [UInt8] = []
        var rest = line
        if rest.first == UInt8(ascii: "\"") {
            rest.removeFirst()
            while let byte = rest.popFirst() {
                if byte == UInt8(ascii: "\"") { break }
                if byte == UInt8(ascii: "\\"), let next = rest.popFirst() {
                    pattern.append(next)
                } else {
                    pattern.append(byte)
                }
                if rest.isEmpty { return nil }
            }
        } else {
            while let byte = rest.first, byte != 0x20, byte != 0x09 {
                pattern.append(byte)
                rest.removeFirst()
            }
        }
        guard !pattern.isEmpty, rest.first == 0x20 || rest.first == 0x09 else { return nil }
        while rest.first == 0x20 || rest.first == 0x09 { rest.removeFirst() }
        return rest.isEmpty ? nil : (pattern, rest)
    }

    /// What a user may do with a mailbox.
    ///
    /// - Parameters:
    ///   - name: as the user sees it.
    ///   - own: what the mailbox's own list says.
    public func rights(
        in name: String, of subject: AccessSubject, isOwner: Bool, own: MailRights
    ) -> MailRights {
        guard !self.isDamaged else { return isOwner ? own : [] }
        let rows = self.entries.filter { entry in
            subject.matches(entry.row.identifier, isOwner: isOwner) && entry.mask.matches(name)
        }
        .map(\.row)
        if rows.isEmpty { return own }
        let list = AccessList(rows)
        if rows.contains(where: { !$0.isNegative }) { return list.rights(of: subject, isOwner: isOwner) }
        return own.subtracting(rows.reduce(into: MailRights()) { $0.formUnion($1.rights) })
    }
}
