import Glibc
import IndexedStore
import MailCore
import MailStore
import Synchronization

extension MaildirAccount {
    static let sizePath = RelativePath("maildirsize")
    /// Octets from which the file is made anew, as every program that keeps one does.
    private static let largestSizeFile = 5120
    /// Seconds after which a file that says "over quota" is not believed.
    private static let doubtAfter: Int64 = 900

    func sizeOnFile() -> QuotaUsage? {
        guard let root = try? self.controlDirectory(),
            let content = try? FileContent.read(Self.sizePath, in: root),
            content.bytes.count <= Self.largestSizeFile * 4
        else { return nil }
        return MaildirSizeFile(content.bytes).map(\.total)
    }

    func updateSizeFile(
        _ limits: QuotaLimits, counting: (MailboxName) -> Bool, isTrusted: Bool
    ) throws(StoreError) {
        let root = try self.controlDirectory()
        let content = try FileContent.read(Self.sizePath, in: root)
        if content == nil, limits.isUnlimited {
            // Nobody wants it: what changed is no matter.
            self.sizeChanges.withLock { $0 = SizeChanges() }
            return
        }
        let known = content.flatMap { $0.bytes.count > Self.largestSizeFile ? nil : MaildirSizeFile($0.bytes) }
        guard isTrusted, let content, let known, !self.isDoubtful(known, content.identity, limits) else {
            // Limits that only another program knows stay.
            let wanted = limits.isUnlimited ? known?.limits ?? limits : limits
            return try self.rewriteSizeFile(wanted, counting, root)
        }
        let change = self.takeSizeChange(counting)
        guard change != .zero else { return }
        do throws(StoreError) {
            try Self.append(MaildirSizeFile.line(change), in: root)
        } catch {
            self.sizeChanges.withLock { $0.isUnknown = true }
            throw error
        }
    }

    private func isDoubtful(
        _ file: MaildirSizeFile, _ identity: FileIdentity, _ limits: QuotaLimits
    ) -> Bool {
        if self.sizeChanges.withLock({ $0.isUnknown }) { return true }
        if !limits.isUnlimited, file.limits != limits { return true }
        return file.isExceeded && file.lines > 1
            && FileAge.seconds(since: identity.seconds, at: self.shared.options.clock().seconds) > Self.doubtAfter
    }

    private func takeSizeChange(_ counting: (MailboxName) -> Bool) -> QuotaUsage {
        let changes = self.sizeChanges.withLock { changes in
            defer { changes = SizeChanges() }
            return changes.byMailbox
        }
        var sum = QuotaUsage.zero
        for (path, change) in changes {
            if let name = self.name(ofPath: path), counting(name) { sum = sum + change }
        }
        return sum
    }

    // MARK: Counting

    private func rewriteSizeFile(
        _ limits: QuotaLimits, _ counting: (MailboxName) -> Bool, _ root: DirectoryHandle
    ) throws(StoreError) {
        var total = QuotaUsage.zero
        var isExact = false
        for _ in 0..<3 where !isExact {
            self.sizeChanges.withLock { $0 = SizeChanges() }
            total = try self.countFiles(counting)
            // A message that came meanwhile may or may not be in the sum.
            isExact = self.sizeChanges.withLock { $0.byMailbox.isEmpty }
        }
        if !isExact { self.sizeChanges.withLock { $0.isUnknown = true } }
        var name = RelativePath(.tmp, self.shared.names.stem())
        let mode = (root.ownStatus?.st_mode ?? 0o700) & 0o666 | 0o600
        var opened = root.open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: mode)
        if opened == -ENOENT {
            // Where INBOX is elsewhere.
            name = RelativePath(Array("maildirsize.".utf8) + self.shared.names.stem())
            opened = root.open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: mode)
        }
        guard opened >= 0 else { throw StoreError.system("create \(name.text)", opened) }
        defer { close(opened) }
        do throws(StoreError) {
            try FileContent.write(MaildirSizeFile(limits, total).encoded(), to: opened, name)
            if mode != 0o600 { fchmod(opened, mode) }
            let renamed = root.rename(name, Self.sizePath)
            guard renamed == 0 else { throw StoreError.system("rename \(name.text)", renamed) }
        } catch {
            _ = root.unlink(name)
            throw error
        }
    }

    private func countFiles(
        _ counting: (MailboxName) -> Bool
    ) throws(StoreError) -> QuotaUsage {
        let root = try self.directory()
        var total = QuotaUsage.zero
        for mailbox in try self.mailboxes() where counting(mailbox) {
            guard let directory = try self.existingDirectory(mailbox) else { continue }
            for folder in ["new", "cur"] {
                let path = directory.isEmpty ? Array(folder.utf8) : directory + [0x2F] + Array(folder.utf8)
                var unsized: [RelativePath] = []
                do throws(StoreError) {
                    try root.forEachName(in: RelativePath(path)) { name in
                        guard name[0] != UInt8(ascii: ".") else { return true }
                        total.messages += 1
                        let base = UnsafeRawBufferPointer(rebasing: name[..<MaildirFilename.baseLength(name)])
                        if let size = MaildirFilename.size(UInt8(ascii: "S"), in: base) {
                            total.storage &+= Int64(clamping: size)
                        } else {
                            unsized.append(RelativePath(path + [0x2F] + Array(name)))
                        }
                        return true
                    }
                } catch {
                    // Removed since the mailboxes were listed.
                    guard error.code == .notFound else { throw error }
                }
                for path in unsized { total.storage &+= root.status(path).map { Int64($0.st_size) } ?? 0 }
            }
        }
        return total
    }

    private static func append(_ line: [UInt8], in root: DirectoryHandle) throws(StoreError) {
        let opened = root.open(self.sizePath, O_WRONLY | O_APPEND | O_NOFOLLOW)
        guard opened >= 0 else { throw StoreError.system("open maildirsize", opened) }
        defer { close(opened) }
        try FileContent.write(line, to: opened, self.sizePath)
    }
}

extension MaildirMailbox {
    /// Notes for `maildirsize` that a message has come (1) or gone (-1).
    ///
    /// - Parameter status: of its file; asked only when its name does not tell the size.
    func noteSize(_ base: [UInt8], _ sign: Int64, _ status: () -> stat?) {
        let octets =
            base.withUnsafeBytes { MaildirFilename.size(UInt8(ascii: "S"), in: $0) }.map { Int64(clamping: $0) }
            ?? status().map { Int64($0.st_size) }
        self.account.sizeChanges.withLock { changes in
            guard let octets else {
                changes.isUnknown = true
                return
            }
            let change = QuotaUsage(storage: sign * octets, messages: sign)
            changes.byMailbox[self.path] = (changes.byMailbox[self.path] ?? .zero) + change
        }
    }

    /// The status that `noteSize` will need, asked before the file goes.
    func statusForSize(_ base: [UInt8], _ status: () -> stat?) -> stat? {
        base.withUnsafeBytes { MaildirFilename.size(UInt8(ascii: "S"), in: $0) } == nil ? status() : nil
    }
}
