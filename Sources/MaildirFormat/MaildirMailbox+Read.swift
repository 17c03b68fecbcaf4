import Glibc
import IndexedStore
import MailCore
import MailStore
import Synchronization

extension MaildirMailbox {
    /// Larger files are converted into a private file that is mapped, so that many readers of large messages
    /// do not fill memory.
    private static let memoryLimit = 1 << 20

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
        if size > Self.memoryLimit { return try self.readLarge(descriptor, path, directory) }
        let raw = try FileContent.read(descriptor, count: size, path)
        let bare = raw.withUnsafeBytes { LineEnds.census($0).bareLineFeeds }
        if bare == 0 { return MessageOctets(raw) }
        var octets: [UInt8] = []
        octets.reserveCapacity(raw.count + bare)
        raw.withUnsafeBytes { LineEnds.expand($0, into: &octets) }
        return MessageOctets(octets)
    }

    /// Through an unlinked file in `tmp/`: the Maildir file itself must not be mapped, since another program
    /// that truncates it would end this process.
    private func readLarge(
        _ descriptor: CInt, _ path: RelativePath, _ directory: DirectoryHandle
    ) throws(StoreError) -> MessageOctets {
        let name = RelativePath(.tmp, self.account.shared.names.stem())
        let scratch = directory.open(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW)
        guard scratch >= 0 else { throw StoreError.system("create \(self.pathText)/\(name.text)", scratch) }
        defer { close(scratch) }
        _ = directory.unlink(name)
        var total = 0
        var endsInReturn = false
        var out: [UInt8] = []
        out.reserveCapacity(Self.chunk + Self.chunk / 16)
        while true {
            let piece = try FileContent.read(descriptor, count: Self.chunk, path)
            guard let last = piece.last else { break }
            out.removeAll(keepingCapacity: true)
            piece.withUnsafeBytes { LineEnds.expand($0, precededByReturn: endsInReturn, into: &out) }
            endsInReturn = last == LineEnds.carriageReturn
            try FileContent.write(out, to: scratch, name)
            total += out.count
        }
        return try MessageOctets(mapping: scratch, count: total)
    }
}
