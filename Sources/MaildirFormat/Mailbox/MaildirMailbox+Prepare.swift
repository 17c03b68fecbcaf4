import Glibc
import IndexedStore
import MailCore
import MailStore
import Synchronization

extension MaildirMailbox {
    /// Octets written or read at once.
    static let chunk = 262_144

    func prepare(
        _ octets: MessageOctets, flags: FileFlags, internalDate: Int64
    ) throws(StoreError) -> PreparedBody {
        let form = self.form(of: octets)
        let base = self.account.shared.names.next(size: form.size, wireSize: form.wireSize)
        try self.write(octets, form, to: RelativePath(.tmp, base), internalDate)
        return self.prepared(base, as: base)
    }

    /// A message that lies in `tmp/` under the name `temporary`.
    func prepared(_ location: [UInt8], as temporary: [UInt8]) -> PreparedBody {
        PreparedBody(
            location: BodyLocation(location),
            temporaryPath: "\(self.pathText)/tmp/\(String(decoding: temporary, as: UTF8.self))")
    }

    // MARK: Writing

    /// How a message is written.
    struct Form {
        var keepsCRLF: Bool
        /// Octets in the file.
        var size: Int
        /// Octets when read back.
        var wireSize: Int
    }

    func form(of octets: MessageOctets) -> Form {
        let census = octets.withUnsafeBytes { LineEnds.census($0) }
        // CR CR LF would lose an octet when its CR LF is written as LF.
        let keeps = self.options.saveCRLF || census.hasDoubledReturn
        return Form(
            keepsCRLF: keeps, size: keeps ? octets.count : octets.count - census.pairs,
            wireSize: octets.count + census.bareLineFeeds)
    }

    /// Writes a new file; nothing of it stays after an error.
    func write(
        _ octets: MessageOctets, _ form: Form, to path: RelativePath, _ internalDate: Int64
    ) throws(StoreError) {
        var directory = try self.directory()
        var descriptor = directory.open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW)
        if descriptor == -ENOENT {
            // The directory we hold was replaced, or someone removed tmp/.
            directory = self.reopenedDirectory(after: directory) ?? directory
            try self.makeFolders(in: directory)
            descriptor = directory.open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW)
        }
        guard descriptor >= 0 else {
            throw StoreError.system("create \(self.pathText)/\(path.text)", descriptor)
        }
        defer { close(descriptor) }
        do throws(StoreError) {
            try self.applyPermissions(descriptor, directory)
            try octets.withUnsafeBytes { (bytes) throws(StoreError) in
                if form.keepsCRLF {
                    try FileContent.write(bytes, to: descriptor, path)
                } else {
                    try Self.writeStripped(bytes, to: descriptor, path)
                }
            }
            Self.setTime(descriptor, internalDate)
        } catch {
            _ = directory.unlink(path)
            throw error
        }
    }

    private static func writeStripped(
        _ bytes: UnsafeRawBufferPointer, to descriptor: CInt, _ path: RelativePath
    ) throws(StoreError) {
        var buffer: [UInt8] = []
        buffer.reserveCapacity(min(bytes.count, self.chunk))
        var start = 0
        while start < bytes.count {
            let end = LineEnds.cut(bytes, from: start, limit: self.chunk)
            buffer.removeAll(keepingCapacity: true)
            LineEnds.strip(UnsafeRawBufferPointer(rebasing: bytes[start..<end]), into: &buffer)
            try FileContent.write(buffer, to: descriptor, path)
            start = end
        }
    }

    /// Gives a new file the group and mode that files of this mailbox have.
    func applyPermissions(_ descriptor: CInt, _ directory: DirectoryHandle) throws(StoreError) {
        guard let own = directory.ownStatus else { return }
        // A file `dovecot-shared` is the template where there is one, else the directory is.
        let template = own.st_mode & 0o066 == 0 ? nil : directory.status(RelativePath("dovecot-shared"))
        let mode = (template ?? own).st_mode & 0o666 | 0o600
        guard mode != 0o600 else { return }
        let group = (template ?? own).st_gid
        // Without the right to give the file to that group, its members get no access by accident of ours.
        let given = group == getegid() || fchown(descriptor, uid_t.max, group) == 0
        let granted = given ? mode : mode & ~0o070
        guard fchmod(descriptor, granted) == 0 else { throw StoreError.fromErrno("chmod a message") }
    }

    /// Sets the modification time, INTERNALDATE; the access time stays, by which tmp/ is swept.
    static func setTime(_ descriptor: CInt, _ internalDate: Int64) {
        var times = [
            timespec(tv_sec: 0, tv_nsec: Self.omitTime), timespec(tv_sec: Int(internalDate), tv_nsec: 0),
        ]
        futimens(descriptor, &times)
    }

    /// UTIME_OMIT of Linux, a macro that is not imported.
    private static let omitTime = (1 << 30) - 2

    // MARK: Publishing

    func publish(_ body: PreparedBody, flags: FileFlags) throws(StoreError) {
        if let sourcePath = body.sourcePath { return try self.publishLink(body, sourcePath, flags) }
        let base = try self.base(body.location)
        let temporary = try self.temporaryPath(of: body)
        let letters = try self.lettersToWrite(flags.keywords)
        var directory = try self.directory()
        let target = self.home(base, flags.flags, letters)
        var renamed = directory.rename(temporary, target)
        if renamed == -ENOENT {
            if let again = self.reopenedDirectory(after: directory) { directory = again }
            try self.makeFolders(in: directory)
            renamed = directory.rename(temporary, target)
        }
        if renamed == -ENOENT {
            // Published before: under these flags, or already renamed by another.
            if directory.status(target) != nil { return }
            if try self.find(base, in: directory) != nil { return }
            throw StoreError(
                .temporary, "\(self.pathText)/\(temporary.text) vanished before it was published")
        }
        guard renamed == 0 else {
            throw StoreError.system("publish \(self.pathText)/\(target.text)", renamed)
        }
        self.account.noteMail(self.isInbox ? .inbox : .mailboxes)
        self.noteSize(base, 1) { directory.status(target) }
        self.takenNames.withLock { $0.note(base) }
    }

    /// Where a message with these flags belongs.
    func home(_ base: [UInt8], _ flags: MessageFlags, _ letters: UInt32) -> RelativePath {
        flags.isEmpty && letters == 0
            ? RelativePath(.new, base)
            : RelativePath(.cur, base, MaildirFilename.info(flags, keywordLetters: letters))
    }

    func discard(_ body: PreparedBody) {
        // The name stays taken: where it was given up behind its record, the task to remove its file is still to come,
        // and would remove that of the next message with the name.
        if body.sourcePath != nil { return }
        guard let path = try? self.temporaryPath(of: body), let directory = try? self.directory() else {
            return
        }
        _ = directory.unlink(path)
    }

    private func temporaryPath(of body: PreparedBody) throws(StoreError) -> RelativePath {
        let text = body.temporaryPath.utf8
        guard let slash = text.lastIndex(of: 0x2F) else {
            throw StoreError(.damaged, "not a temporary path: \(body.temporaryPath)")
        }
        return RelativePath(.tmp, text[text.index(after: slash)...])
    }

    func restore(
        _ octets: MessageOctets, at location: BodyLocation, flags: FileFlags, internalDate: Int64
    ) throws(StoreError) {
        let base = try self.base(location)
        let form = self.form(of: octets)
        let directory = try self.currentDirectory()
        try self.makeFolders(in: directory)
        var target = self.home(base, flags.flags, try self.lettersToWrite(flags.keywords))
        var present = directory.status(target)
        if present == nil {
            try self.fillTakenNames(directory)
            if self.takenNames.withLock({ $0.contains(base) }), let found = try self.find(base, in: directory) {
                target = found.path
                present = directory.status(target)
            }
        }
        // After power loss a file may have its name and not its octets, or its length and zeros; after a flush that failed,
        // too, though not as long as the system remembers what it should be.
        if let present, present.st_mode & S_IFMT == S_IFREG, self.isWhole(present, base, form) {
            let file = directory.open(target, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
            if file >= 0 {
                posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED)
                close(file)
            }
        }
        if let present, present.st_mode & S_IFMT == S_IFREG, self.isWhole(present, base, form),
            self.holds(octets, location, flags)
        {
            return
        }
        let temporary = self.account.shared.names.stem()
        try self.write(octets, form, to: RelativePath(.tmp, temporary), internalDate)
        let renamed = directory.rename(RelativePath(.tmp, temporary), target)
        guard renamed == 0 else {
            _ = directory.unlink(RelativePath(.tmp, temporary))
            throw StoreError.system("restore \(self.pathText)/\(target.text)", renamed)
        }
        if present == nil { self.noteSize(base, 1) { directory.status(target) } }
        self.takenNames.withLock { $0.note(base) }
    }

    /// Whether a message's file says what it must.
    private func holds(_ octets: MessageOctets, _ location: BodyLocation, _ flags: FileFlags) -> Bool {
        guard let found = try? self.read(location, flags: flags), found.count == octets.count else { return false }
        return octets.withUnsafeBytes { wanted in
            found.withUnsafeBytes { found in
                guard let wanted = wanted.baseAddress, let start = found.baseAddress else { return found.isEmpty }
                return memcmp(wanted, start, found.count) == 0
            }
        }
    }

    /// Whether a file has the size it must have: the one its name tells, or the one we would write.
    private func isWhole(_ status: stat, _ base: [UInt8], _ form: Form) -> Bool {
        let size = UInt64(max(0, status.st_size))
        if size == UInt64(form.size) { return true }
        return base.withUnsafeBytes { MaildirFilename.size(UInt8(ascii: "S"), in: $0) } == size
    }
}
