import Glibc
import IndexedStore
import MailCore
import MailStore
import Synchronization

extension MaildirMailbox {
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
            for path in try source.likelyPaths(sourceBase, flags) {
                if self.canLink(path, in: from) {
                    return PreparedBody(location: BodyLocation(base), sourcePath: path.below(source.path))
                }
                if try self.link(from.descriptor, path, as: temporary, nil) {
                    return self.prepared(base, as: temporary)
                }
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

    /// Whether a copy can be a link that is made when it is published: one change to directories, where a link in `tmp/` and
    /// its renaming are three.
    private func canLink(_ path: RelativePath, in source: DirectoryHandle) -> Bool {
        guard let status = source.status(path), status.st_mode & S_IFMT == S_IFREG else { return false }
        return self.fileSystem == UInt64(status.st_dev) && self.account.ownerID.map { $0 == status.st_uid } ?? true
    }

    func publishLink(_ body: PreparedBody, _ sourcePath: [UInt8], _ flags: FileFlags) throws(StoreError) {
        let base = try self.base(body.location)
        let source = RelativePath(sourcePath)
        let target = self.home(base, flags.flags, try self.lettersToWrite(flags.keywords))
        var directory = try self.directory()
        var linked = directory.link(source, in: AT_FDCWD, to: target)
        if linked == -ENOENT {
            if let again = self.reopenedDirectory(after: directory) { directory = again }
            try self.makeFolders(in: directory)
            linked = directory.link(source, in: AT_FDCWD, to: target)
        }
        // Published before, under these flags or others.
        if linked == -EEXIST { return }
        if linked == -ENOENT, try self.find(base, in: directory) != nil { return }
        guard linked == 0 else { throw StoreError.system("link \(self.pathText)/\(target.text)", linked) }
        self.noteSize(base, 1) { directory.status(target) }
        self.takenNames.withLock { $0.note(base) }
    }

    /// The source's name where it is free here: it is the message's identity for Dovecot. Else a new one.
    private func nameForCopy(of base: [UInt8]) throws(StoreError) -> [UInt8] {
        try self.fillTakenNames(try self.currentDirectory())
        let now = self.options.clock().seconds
        if self.takenNames.withLock({ $0.take(base, now: now) }) { return base }
        return self.account.shared.names.next(like: base)
    }

    /// Lists the names in use unless they are known.
    func fillTakenNames(_ directory: DirectoryHandle) throws(StoreError) {
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
        guard Int(status.st_size) <= Self.largestMessage else {
            throw StoreError(.damaged, "\(source.text) is larger than every message")
        }
        let target = RelativePath(.tmp, name)
        var directory = try self.directory()
        let isOurs = self.account.ownerID.map { $0 == status.st_uid } ?? true
        let hasDate = internalDate.map { $0 == Int64(status.st_mtim.tv_sec) } ?? true
        if isOurs, hasDate {
            var linked = directory.link(source, in: sourceDirectory, to: target)
            if linked == -ENOENT {
                directory = self.reopenedDirectory(after: directory) ?? directory
                try self.makeFolders(in: directory)
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
            var copied = 0
            while true {
                let piece = try FileContent.read(input, count: Self.chunk, source)
                if piece.isEmpty { break }
                copied += piece.count
                guard copied <= Self.largestMessage else {
                    throw StoreError(.damaged, "\(source.text) is larger than every message")
                }
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
