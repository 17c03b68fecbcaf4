import MailCore
import MailStore

/// Where mailboxes lie below the root of an account, INBOX apart.
struct MaildirLayout: Sendable {
    let layout: MailPlaces.Layout
    var codec = MailboxLevelCodec()
    /// In the layout of directories, what holds a mailbox's messages below its own directory; may be empty.
    var directoryName: [UInt8] = []

    private static let longestPath = 4_000

    /// The directory of a name relative to the root, empty for INBOX. In the layout of directories those of the
    /// children are in it. `.cannot` when a name is too long for a directory or can have none.
    func directory(of name: MailboxName) throws(StoreError) -> [UInt8] {
        guard !name.isInbox else { return [] }
        guard let directory = self.join(name, self.codec.encode) else {
            throw StoreError(.cannot, "mailbox name too long, or no name for a directory: \(name)")
        }
        return directory
    }

    /// Every directory that may be the mailbox's, the one we would make first: other programs write names in
    /// other ways. What they would mean by it is no other mailbox: `&AMk-` is that of `É`, and not of `&AMk-` in UTF-8.
    /// None when no directory can have the name.
    func candidates(for name: MailboxName) -> [[UInt8]] {
        guard !name.isInbox else { return [[]] }
        var directories: [[UInt8]] = []
        for encode in [self.codec.encode, self.codec.encodeEscapingAll, self.codec.encodeOtherCharset]
            as [(Substring) -> [UInt8]]
        {
            guard let directory = self.join(name, encode), !directories.contains(directory),
                directory.withUnsafeBytes({ self.meaning(of: $0) }) == name
            else { continue }
            directories.append(directory)
        }
        return directories
    }

    /// What holds the messages of the mailbox that has a directory.
    func messages(in directory: [UInt8]) -> [UInt8] {
        self.directoryName.isEmpty || directory.isEmpty ? directory : directory + [0x2F] + self.directoryName
    }

    /// The mailbox that a directory holds; `nil` for directories that are none or whose name no mailbox can have.
    ///
    /// - Parameter directory: relative to the root.
    func name(ofDirectory directory: UnsafeRawBufferPointer) -> MailboxName? {
        guard let name = self.meaning(of: directory), !name.isInbox else { return nil }
        // Only if that name leads back here: `.inbox.x` would be a second `INBOX/x`.
        return self.candidates(for: name).contains { $0.elementsEqual(directory) } ? name : nil
    }

    /// The name that stands in a directory's name.
    private func meaning(of directory: UnsafeRawBufferPointer) -> MailboxName? {
        var levels: [String] = []
        switch self.layout {
        case .maildirPlusPlus:
            guard directory.count > 1, directory[0] == 0x2E, directory[1] != 0x2E else { return nil }
            for level in directory.dropFirst().split(separator: 0x2E, omittingEmptySubsequences: false) {
                guard !level.isEmpty, let text = self.codec.decode(level), !text.contains("/") else {
                    return nil
                }
                levels.append(text)
            }
        case .directories:
            for level in directory.split(separator: 0x2F, omittingEmptySubsequences: false) {
                guard self.isLevel(level), let text = self.codec.decode(level), !text.contains("/") else {
                    return nil
                }
                levels.append(text)
            }
        }
        return MailboxName(levels.joined(separator: "/"))
    }

    /// Whether, in the layout of directories, an entry may be the directory of a mailbox: neither hidden nor one of
    /// those that hold messages.
    func isLevel(_ entry: some Collection<UInt8>) -> Bool {
        guard let first = entry.first, first != 0x2E, entry.count <= 255 else { return false }
        if !self.directoryName.isEmpty { return !entry.elementsEqual(self.directoryName) }
        return !MailboxLevelCodec.messageDirectories.contains { entry.elementsEqual($0.utf8) }
    }

    private func join(_ name: MailboxName, _ encode: (Substring) -> [UInt8]) -> [UInt8]? {
        var directory: [UInt8] = []
        for level in name.levels {
            let encoded = encode(level)
            switch self.layout {
            case .maildirPlusPlus:
                directory.append(0x2E)
            case .directories:
                guard self.isLevel(encoded) else { return nil }
                if !directory.isEmpty { directory.append(0x2F) }
            }
            directory.append(contentsOf: encoded)
        }
        return directory.count <= (self.layout == .maildirPlusPlus ? 255 : Self.longestPath) ? directory : nil
    }
}
