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

    private func prepared(_ location: [UInt8], as temporary: [UInt8]) -> PreparedBody {
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
            try MaildirAccount.makeFolders(in: directory)
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

    private func applyPermissions(_ descriptor: CInt, _ directory: DirectoryHandle) throws(StoreError) {
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
        let base = try self.base(body.location)
        let temporary = try self.temporaryPath(of: body)
        let letters = try self.lettersToWrite(flags.keywords)
        var directory = try self.directory()
        let target = self.home(base, flags.flags, letters)
        var renamed = directory.rename(temporary, target)
        if renamed == -ENOENT {
            if let again = self.reopenedDirectory(after: directory) { directory = again }
            try MaildirAccount.makeFolders(in: directory)
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
        self.takenNames.withLock { $0.note(base) }
    }

    /// Where a message with these flags belongs.
    func home(_ base: [UInt8], _ flags: MessageFlags, _ letters: UInt32) -> RelativePath {
        flags.isEmpty && letters == 0
            ? RelativePath(.new, base)
            : RelativePath(.cur, base, MaildirFilename.info(flags, keywordLetters: letters))
    }

    func discard(_ body: PreparedBody) {
        guard let path = try? self.temporaryPath(of: body), let directory = try? self.directory() else {
            return
        }
        _ = directory.unlink(path)
        self.takenNames.withLock { $0.forget(body.location.bytes) }
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
        try MaildirAccount.makeFolders(in: directory)
        var target = self.home(base, flags.flags, try self.lettersToWrite(flags.keywords))
        var present = directory.status(target)
        if present == nil {
            try self.fillTakenNames(directory)
            if self.takenNames.withLock({ $0.contains(base) }), let found = try self.find(base, in: directory)
            {
                target = found.path
                present = directory.status(target)
            }
        }
        // After power loss a file may have its name and not its octets.
        if let present, present.st_mode & S_IFMT == S_IFREG, self.isWhole(present, base, form) { return }
        let temporary = self.account.shared.names.stem()
        try self.write(octets, form, to: RelativePath(.tmp, temporary), internalDate)
        let renamed = directory.rename(RelativePath(.tmp, temporary), target)
        guard renamed == 0 else {
            _ = directory.unlink(RelativePath(.tmp, temporary))
            throw StoreError.system("restore \(self.pathText)/\(target.text)", renamed)
        }
        self.takenNames.withLock { $0.note(base) }
    }

    /// Whether a file has the size it must have: the one its name tells, or the one we would write.
    private func isWhole(_ status: stat, _ base: [UInt8], _ form: Form) -> Bool {
        let size = UInt64(max(0, status.st_size))
        if size == UInt64(form.size) { return true }
        return base.withUnsafeBytes { MaildirFilename.size(UInt8(ascii: "S"), in: $0) } == size
    }

    // MARK: Links and copies

    func prepareLink(
        to source: PreparedBody, flags: FileFlags, internalDate: Int64
    ) throws(StoreError) -> PreparedBody? {
        let base = self.account.shared.names.next(like: source.location.bytes)
        var path = RelativePath(Array(source.temporaryPath.utf8))
        if try self.link(AT_FDCWD, path, as: base, internalDate) { return self.prepared(base, as: base) }
        // Published meanwhile? Then it lies beside tmp/.
        let parts = source.temporaryPath.utf8.split(separator: 0x2F, omittingEmptySubsequences: false)
        guard parts.count > 2, MaildirFilename.isEntryName(source.location.bytes) else { return nil }
        let mailbox = Array(parts.dropLast(2).joined(separator: [0x2F]))
        path = RelativePath(mailbox + Array("/new/".utf8) + source.location.bytes)
        return try self.link(AT_FDCWD, path, as: base, internalDate) ? self.prepared(base, as: base) : nil
    }

    func prepareCopy(
        of location: BodyLocation, flags: FileFlags, in source: any MailboxFiles, as target: FileFlags
    ) throws(StoreError) -> PreparedBody {
        guard let source = source as? MaildirMailbox else {
            throw StoreError(.cannot, "a message of another format cannot be linked")
        }
        let sourceBase = try source.base(location)
        let base = try self.nameForCopy(of: sourceBase)
        // What the temporary file is called never matters to anyone else, so it may always be text.
        let temporary = self.account.shared.names.stem()
        do throws(StoreError) {
            let from = try source.currentDirectory()
            for path in try source.likelyPaths(sourceBase, flags)
            where try self.link(from.descriptor, path, as: temporary, nil) {
                return self.prepared(base, as: temporary)
            }
            // Renamed by another program: look again, some times, since it may be renamed once more.
            for _ in 0..<4 {
                guard let found = try source.find(sourceBase, in: from) else { break }
                if try self.link(from.descriptor, found.path, as: temporary, nil) {
                    return self.prepared(base, as: temporary)
                }
            }
            throw StoreError(.expunged, "\(source.pathText): no file for a message to copy")
        } catch {
            self.takenNames.withLock { $0.forget(base) }
            throw error
        }
    }

    /// The source's name where it is free here: it is the message's identity for Dovecot. Else a new one.
    private func nameForCopy(of base: [UInt8]) throws(StoreError) -> [UInt8] {
        try self.fillTakenNames(try self.currentDirectory())
        let now = self.options.clock().seconds
        if self.takenNames.withLock({ $0.take(base, now: now) }) { return base }
        return self.account.shared.names.next(like: base)
    }

    private func fillTakenNames(_ directory: DirectoryHandle) throws(StoreError) {
        if self.takenNames.withLock({ $0.isFilled }) { return }
        var hashes: Set<UInt64> = []
        for folder in [RelativePath.Folder.new, .cur] {
            try directory.forEachName(in: RelativePath(folder.name)) { name in
                let base = UnsafeRawBufferPointer(rebasing: name[..<MaildirFilename.baseLength(name)])
                hashes.insert(NameIndex.hash(base))
                return true
            }
        }
        self.takenNames.withLock { $0.fill(hashes) }
    }

    /// Links or copies a file to `tmp/<name>`; `false` when it is not there.
    /// - Parameter internalDate: a file of another date is copied, since links share it. `nil`: any date.
    private func link(
        _ sourceDirectory: CInt, _ source: RelativePath, as name: [UInt8], _ internalDate: Int64?
    ) throws(StoreError) -> Bool {
        var status = stat()
        let found = source.withCString { fstatat(sourceDirectory, $0, &status, AT_SYMLINK_NOFOLLOW) }
        if found != 0 {
            if errno == ENOENT || errno == ENOTDIR { return false }
            throw StoreError.fromErrno("stat \(source.text)")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw StoreError(.damaged, "\(source.text) is no regular file")
        }
        let target = RelativePath(.tmp, name)
        var directory = try self.directory()
        let isOurs = self.account.ownerID.map { $0 == status.st_uid } ?? true
        let hasDate = internalDate.map { $0 == Int64(status.st_mtim.tv_sec) } ?? true
        if isOurs, hasDate {
            var linked = directory.link(source, in: sourceDirectory, to: target)
            if linked == -ENOENT {
                directory = self.reopenedDirectory(after: directory) ?? directory
                try MaildirAccount.makeFolders(in: directory)
                linked = directory.link(source, in: sourceDirectory, to: target)
            }
            switch linked {
            case 0: return true
            case -ENOENT: return false
            case -EXDEV, -EPERM, -EMLINK, -EACCES, -EOPNOTSUPP: break
            default: throw StoreError.system("link \(self.pathText)/\(target.text)", linked)
            }
        }
        return try self.copy(
            sourceDirectory, source, to: target, internalDate ?? Int64(status.st_mtim.tv_sec))
    }

    private func copy(
        _ sourceDirectory: CInt, _ source: RelativePath, to target: RelativePath, _ internalDate: Int64
    ) throws(StoreError) -> Bool {
        let input = source.withCString {
            openat(sourceDirectory, $0, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        }
        if input < 0 {
            if errno == ENOENT { return false }
            throw StoreError.fromErrno("open \(source.text)")
        }
        defer { close(input) }
        let directory = try self.directory()
        let output = directory.open(target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW)
        guard output >= 0 else { throw StoreError.system("create \(self.pathText)/\(target.text)", output) }
        defer { close(output) }
        do throws(StoreError) {
            try self.applyPermissions(output, directory)
            while true {
                let piece = try FileContent.read(input, count: Self.chunk, source)
                if piece.isEmpty { break }
                try FileContent.write(piece, to: output, target)
            }
            Self.setTime(output, internalDate)
        } catch {
            _ = directory.unlink(target)
            throw error
        }
        return true
    }
}
