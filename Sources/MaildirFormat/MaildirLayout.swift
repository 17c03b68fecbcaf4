import MailCore
import MailStore

/// Where mailboxes lie below the root of an account.
struct MaildirLayout: Sendable {
    let layout: MaildirOptions.Layout
    var codec = MailboxLevelCodec()

    /// The directory of a mailbox relative to the root, empty for the root itself; `.cannot` when a name is too
    /// long for a directory.
    func directory(of name: MailboxName) throws(StoreError) -> [UInt8] {
        switch self.layout {
        case .maildirPlusPlus:
            guard !name.isInbox else { return [] }
            let directory = self.join(name, self.codec.encode)
            guard directory.count <= 255 else { throw StoreError(.cannot, "mailbox name too long: \(name)") }
            return directory
        }
    }

    /// Every directory that may hold the mailbox, the one we would make first: other programs write names in
    /// other ways.
    func candidates(for name: MailboxName) throws(StoreError) -> [[UInt8]] {
        var directories = [try self.directory(of: name)]
        guard !name.isInbox else { return directories }
        for encode in [self.codec.encodeEscapingAll, self.codec.encodeOtherCharset]
            as [(Substring) -> [UInt8]]
        {
            let other = self.join(name, encode)
            if other.count <= 255, !directories.contains(other) { directories.append(other) }
        }
        return directories
    }

    /// The mailbox that a directory in the root holds; `nil` for directories that are none or whose name
    /// no mailbox can have.
    func name(ofDirectory entry: UnsafeRawBufferPointer) -> MailboxName? {
        switch self.layout {
        case .maildirPlusPlus:
            guard entry.count > 1, entry[0] == 0x2E, entry[1] != 0x2E else { return nil }
            var levels: [String] = []
            for level in entry.dropFirst().split(separator: 0x2E, omittingEmptySubsequences: false) {
                guard !level.isEmpty, let text = self.codec.decode(level), !text.contains("/") else {
                    return nil
                }
                levels.append(text)
            }
            guard let name = MailboxName(levels.joined(separator: "/")), !name.isInbox else { return nil }
            // Only if that name leads back here: `.inbox.x` would be a second `INBOX/x`.
            guard let candidates = try? self.candidates(for: name),
                candidates.contains(where: { $0.elementsEqual(entry) })
            else { return nil }
            return name
        }
    }

    private func join(_ name: MailboxName, _ encode: (Substring) -> [UInt8]) -> [UInt8] {
        var directory: [UInt8] = []
        for level in name.levels {
            directory.append(0x2E)
            directory.append(contentsOf: encode(level))
        }
        return directory
    }
}
