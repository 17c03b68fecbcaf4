import CLinux
import Glibc
import MailStore

/// Reading and writing whole files by descriptor.
enum FileContent {
    /// The largest text file taken into memory. Users may own their Maildirs, and a file without content can have any
    /// size.
    static let textFileLimit = 32 << 20
    /// The same of a list of UIDs: some millions of messages.
    static let uidListLimit = 256 << 20

    /// The whole of a regular text file and what identifies that state of it; `nil` when there is none.
    static func read(
        _ path: RelativePath, in directory: DirectoryHandle, limit: Int = textFileLimit
    ) throws(StoreError) -> (bytes: [UInt8], identity: FileIdentity)? {
        // O_NONBLOCK: a FIFO in its place must not stop us.
        let descriptor = directory.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
        if descriptor == -ENOENT { return nil }
        guard descriptor >= 0 else { throw StoreError.system("open \(path.text)", descriptor) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw StoreError.fromErrno("stat \(path.text)") }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_size <= limit else {
            throw StoreError(.damaged, "\(path.text) is no regular file or too large")
        }
        let bytes = try self.read(descriptor, count: Int(status.st_size), path)
        return (bytes, FileIdentity(status))
    }

    /// Up to `count` octets from the descriptor's position; fewer when the file ends.
    static func read(_ descriptor: CInt, count: Int, _ path: RelativePath) throws(StoreError) -> [UInt8] {
        var failed = false
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = self.fill(UnsafeMutableRawBufferPointer(buffer), descriptor) ?? -1
            if filled < 0 {
                failed = true
                filled = 0
            }
        }
        if failed { throw StoreError.fromErrno("read \(path.text)") }
        return bytes
    }

    /// The message in a file of just `size` octets, CRLF line ends, if it is in memory; `nil` otherwise, also for what is no
    /// regular file, and where lines are so short that the room does not do.
    static func messageAtHand(_ descriptor: CInt, size: Int) -> [UInt8]? {
        // One octet more is asked for, to see that there is none. It is read to the end of the room and then moved to the
        // front with its line ends; lines of 32 octets have room, which mails seldom fall short of.
        let gap = size / 32 + 64
        var isWhole = false
        let message = [UInt8](unsafeUninitializedCapacity: gap + size + 1) { buffer, filled in
            guard let base = buffer.baseAddress, martlet_read_at_hand(descriptor, base + gap, size + 1, 0) == size,
                let count = LineEnds.expand(UnsafeMutableBufferPointer(rebasing: buffer[..<(gap + size)]), from: gap)
            else { return }
            filled = count
            isWhole = true
        }
        return isWhole ? message : nil
    }

    /// Reads until `buffer` is full or the file ends; `nil` on an error, with errno set.
    static func fill(_ buffer: UnsafeMutableRawBufferPointer, _ descriptor: CInt) -> Int? {
        guard let base = buffer.baseAddress else { return 0 }
        var filled = 0
        while filled < buffer.count {
            let count = Glibc.read(descriptor, base + filled, buffer.count - filled)
            if count < 0, errno == EINTR { continue }
            if count < 0 { return nil }
            if count == 0 { break }
            filled += count
        }
        return filled
    }

    static func write(
        _ bytes: UnsafeRawBufferPointer, to descriptor: CInt, _ path: RelativePath
    ) throws(StoreError) {
        guard let base = bytes.baseAddress else { return }
        var offset = 0
        while offset < bytes.count {
            let written = Glibc.write(descriptor, base + offset, bytes.count - offset)
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { throw StoreError.fromErrno("write \(path.text)") }
            offset += written
        }
    }

    static func write(_ bytes: [UInt8], to descriptor: CInt, _ path: RelativePath) throws(StoreError) {
        let result: Result<Void, StoreError> = bytes.withUnsafeBytes { buffer in
            do throws(StoreError) { return .success(try self.write(buffer, to: descriptor, path)) } catch {
                return .failure(error)
            }
        }
        try result.get()
    }
}
