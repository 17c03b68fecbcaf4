import Glibc
import IndexedStore
import MailCore
import MailStore
import Synchronization

extension MaildirMailbox {
    func setFlags(_ location: BodyLocation, from old: FileFlags, to new: FileFlags) throws(StoreError) {
        let base = try self.base(location)
        let letters = try self.lettersToWrite(new.keywords)
        let directory = try self.currentDirectory()
        for path in try self.likelyPaths(base, old) {
            let isInNew = path == RelativePath(.new, base)
            let target = isInNew ? self.home(base, new.flags, letters) : self.named(base, new.flags, letters)
            if path == target {
                // No letter changes, for instance by a keyword beyond the 26th.
                if directory.status(path) != nil { return }
                continue
            }
            let renamed = directory.rename(path, target)
            if renamed == 0 { return }
            guard renamed == -ENOENT else {
                throw StoreError.system("rename \(self.pathText)/\(path.text)", renamed)
            }
        }
        // Another program renamed it. It may do so again between our look and our rename.
        for _ in 0..<8 {
            guard let found = try self.find(base, in: directory) else { return }
            let target = self.named(base, new.flags, letters, like: found)
            if found.path == target { return }
            let renamed = directory.rename(found.path, target)
            if renamed == 0 { return }
            guard renamed == -ENOENT else {
                throw StoreError.system("rename \(self.pathText)/\(found.path.text)", renamed)
            }
        }
        throw StoreError(.inUse, "\(self.pathText): another program keeps renaming a message")
    }

    private func named(_ base: [UInt8], _ flags: MessageFlags, _ letters: UInt32) -> RelativePath {
        RelativePath(.cur, base, MaildirFilename.info(flags, keywordLetters: letters))
    }

    /// The name in `cur/` that keeps what is not ours to change in the present one: letters without a keyword,
    /// and what follows the letters.
    private func named(
        _ base: [UInt8], _ flags: MessageFlags, _ letters: UInt32, like found: FoundFile
    ) -> RelativePath {
        let present = found.name.withUnsafeBytes { MaildirFilename($0) }
        if found.folder == .new, flags.isEmpty, letters == 0 { return found.path }
        let unnamed = present.keywordLetters & ~self.state.withLock { $0.keywords.knownLetters }
        return RelativePath(
            .cur, base,
            MaildirFilename.info(
                flags, keywordLetters: letters | unnamed, other: present.otherLetters,
                trailer: present.trailer))
    }

    func remove(_ location: BodyLocation, flags: FileFlags) throws(StoreError) {
        let base = try self.base(location)
        let directory = try self.currentDirectory()
        defer { self.takenNames.withLock { $0.forget(base) } }
        for path in try self.likelyPaths(base, flags) {
            let status = self.statusForSize(base) { directory.status(path) }
            let result = directory.unlink(path)
            if result == 0 { return self.noteSize(base, -1) { status } }
            guard result == -ENOENT else {
                throw StoreError.system("remove \(self.pathText)/\(path.text)", result)
            }
        }
        for _ in 0..<8 {
            guard let found = try self.find(base, in: directory) else { return }
            let status = self.statusForSize(base) { directory.status(found.path) }
            let result = directory.unlink(found.path)
            if result == 0 { return self.noteSize(base, -1) { status } }
            guard result == -ENOENT else {
                throw StoreError.system("remove \(self.pathText)/\(found.path.text)", result)
            }
        }
        throw StoreError(.inUse, "\(self.pathText): another program keeps renaming a message")
    }
}
