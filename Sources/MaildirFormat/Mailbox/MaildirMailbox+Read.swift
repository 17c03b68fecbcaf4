import Glibc
import IndexedStore
import MailCore
import MailStore
import Synchronization

extension MaildirMailbox {
    /// Octets that a message may have, with CRLF line ends and expanded when its file is compressed.
    static let largestMessage = 1 << 30

    func read(_ location: BodyLocation, flags: FileFlags) throws(StoreError) -> MessageOctets {
        let base = try self.base(location)
        var directory = try self.directory()
        for attempt in 0..<2 {
            for path in try self.likelyPaths(base, flags) {
                if let octets = try self.read(path, in: directory) { return octets }
            }
            // Another program renamed it, perhaps again right after we looked.
            for _ in 0..<4 {
                guard let found = try? self.find(base, in: directory) else { break }
                if let octets = try self.read(found.path, in: directory) { return octets }
            }
            guard attempt == 0, let again = self.reopenedDirectory(after: directory) else { break }
            directory = again
        }
        try self.account.checkPresent()
        throw StoreError(.expunged, "\(self.pathText): no file \(String(decoding: base, as: UTF8.self))")
    }

    /// `nil` when there is no such file.
    private func read(_ path: RelativePath, in directory: DirectoryHandle) throws(StoreError)
        -> MessageOctets?
    {
        let descriptor = directory.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
        if descriptor == -ENOENT { return nil }
        guard descriptor >= 0 else {
            throw StoreError.system("open \(self.pathText)/\(path.text)", descriptor)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw StoreError.fromErrno("stat \(path.text)") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw StoreError(.damaged, "\(self.pathText)/\(path.text) is no regular file")
        }
        let size = Int(status.st_size)
        guard size <= Self.largestMessage else {
            // Users own their files, and one without content can have any size.
            let reason = "\(self.pathText)/\(path.text) is larger than every message"
            let key = UnreadableFiles.Key(status)
            if UnreadableFiles.shared.reason(key) == nil {
                UnreadableFiles.shared.note(key, reason)
                self.options.report(reason)
            }
            throw StoreError(.damaged, reason)
        }
        if let kind = try self.compression(of: descriptor, path, size: size) {
            let key = UnreadableFiles.Key(status)
            if let reason = UnreadableFiles.shared.reason(key) { throw StoreError(.damaged, reason) }
            do throws(StoreError) {
                return try self.readCompressed(kind, descriptor, path, directory)
            } catch {
                if error.code == .damaged {
                    UnreadableFiles.shared.note(key, error.detail)
                    self.options.report(error.detail)
                }
                throw error
            }
        }
        if size > WireOctets.memoryLimit { return try self.readLarge(descriptor, path, directory) }
        return MessageOctets(LineEnds.expanded(try FileContent.read(descriptor, count: size, path)))
    }

    func readAtHand(_ location: BodyLocation, flags: FileFlags) -> MessageOctets? {
        guard let directory = self.heldDirectory, let letters = self.lettersAtHand(flags.keywords),
            let base = try? self.base(location)
        else { return nil }
        // Anything out of the ordinary is for `read` to look into, compressed files too.
        guard let told = base.withUnsafeBytes({ MaildirFilename.size(UInt8(ascii: "S"), in: $0) }),
            told <= UInt64(WireOctets.memoryLimit)
        else { return nil }
        for path in Self.likelyPaths(base, flags.flags, letters: letters) {
            guard let descriptor = directory.openAtHand(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
            else { continue }
            defer { close(descriptor) }
            return FileContent.messageAtHand(descriptor, size: Int(told)).map { MessageOctets($0) }
        }
        return nil
    }

    /// Not mapped itself, since another program that truncates the file would end this process.
    private func readLarge(
        _ descriptor: CInt, _ path: RelativePath, _ directory: DirectoryHandle
    ) throws(StoreError) -> MessageOctets {
        var wire = WireOctets(self, directory)
        while true {
            let piece = try FileContent.read(descriptor, count: Self.chunk, path)
            if piece.isEmpty { return try wire.finish() }
            try Self.append(piece[...], to: &wire)
            guard wire.count <= Self.largestMessage else {
                throw StoreError(.damaged, "\(self.pathText)/\(path.text) grows beyond every message while it is read")
            }
        }
    }

    private static func append(_ piece: ArraySlice<UInt8>, to wire: inout WireOctets) throws(StoreError) {
        var failure: StoreError?
        piece.withUnsafeBytes { bytes in
            do throws(StoreError) { try wire.append(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    // MARK: Compressed files

    /// What a file is compressed with; `nil` for a plain one.
    ///
    /// A name tells the size that the message has uncompressed. A file of just that size is what it seems to be, so
    /// that a client that stores octets looking like a compressed stream gets them back.
    private func compression(
        of descriptor: CInt, _ path: RelativePath, size: Int
    ) throws(StoreError) -> Decompressor.Kind? {
        if let told = path.withBytes({ MaildirFilename.toldSize(ofPath: $0) }), told == UInt64(size) { return nil }
        guard size >= 3 else { return nil }
        let start = try FileContent.read(descriptor, count: Decompressor.Kind.length, path)
        guard lseek(descriptor, 0, SEEK_SET) == 0 else { throw StoreError.fromErrno("seek \(path.text)") }
        // Dovecot's plugin `zlib` wrote it in former years. What nobody can read must not pass for the message.
        if start.starts(with: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]) {
            throw StoreError(
                .damaged,
                "\(self.pathText)/\(path.text) is compressed with xz, which is not read here; write it anew with "
                    + "`xz -dc`, under the same name and with the same modification time")
        }
        return Decompressor.Kind(start)
    }

    /// Of a damaged file what is before the damage.
    private func readCompressed(
        _ kind: Decompressor.Kind, _ descriptor: CInt, _ path: RelativePath, _ directory: DirectoryHandle
    ) throws(StoreError) -> MessageOctets {
        var source = try Decompressor(kind, descriptor, path)
        var wire = WireOctets(self, directory)
        var buffer = [UInt8](repeating: 0, count: Self.chunk)
        while true {
            var failure: StoreError?
            var piece = Decompressor.Piece.damage
            buffer.withUnsafeMutableBytes { bytes in
                do throws(StoreError) { piece = try source.next(bytes, path) } catch { failure = error }
            }
            if let failure { throw failure }
            switch piece {
            case .octets(let count):
                try Self.append(buffer[..<count], to: &wire)
                guard wire.count <= Self.largestMessage else {
                    throw StoreError(
                        .damaged, "\(self.pathText)/\(path.text) is compressed and expands beyond every bound")
                }
            case .end:
                return try wire.finish()
            case .damage:
                guard wire.count > 0 else {
                    throw StoreError(.damaged, "\(self.pathText)/\(path.text): the compressed message cannot be read")
                }
                self.options.report(
                    "\(self.pathText)/\(path.text): the compressed message is damaged; of it \(wire.count) octets are shown"
                )
                return try wire.finish()
            }
        }
    }
}
