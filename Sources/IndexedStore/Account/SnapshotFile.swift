internal import Glibc
internal import MailCore
internal import MailStore
internal import VolumeLog

/// A file without a name that is written once and read from the front.
final class SnapshotFile: @unchecked Sendable {
    // Proof of Sendable: written by one thread before others know it, and only read afterwards.
    private let descriptor: CInt
    private var buffer: [UInt8] = []
    private var written = 0

    init(directory: String) throws(StoreError) {
        self.descriptor = try UnlinkedFile.make(in: directory)
    }

    deinit { close(self.descriptor) }

    func append(
        _ mailbox: UInt32, _ uid: UID, _ row: UnsafeRawBufferPointer, _ body: [UInt8]
    ) throws(StoreError) {
        let body = body.count <= 255 ? body : []
        self.buffer.appendLittleEndian(mailbox)
        self.buffer.appendLittleEndian(uid.rawValue)
        self.buffer.appendLittleEndian(UInt32(truncatingIfNeeded: row.count))
        self.buffer.append(UInt8(body.count))
        self.buffer.append(contentsOf: body)
        self.buffer.append(contentsOf: row)
        if self.buffer.count >= 1 << 20 { try self.finish() }
    }

    func finish() throws(StoreError) {
        var done = 0
        while done < self.buffer.count {
            let count = self.buffer.withUnsafeBytes {
                pwrite(self.descriptor, $0.baseAddress.map { $0 + done }, $0.count - done, off_t(self.written + done))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw StoreError.ofServer("write snapshot file") }
            done += count
        }
        self.written += done
        self.buffer.removeAll(keepingCapacity: true)
    }

    /// Fewer octets only at the end.
    func read(at position: Int, _ count: Int) throws(StoreError) -> [UInt8] {
        guard count > 0 else { return [] }
        var octets = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let got = octets.withUnsafeMutableBytes {
                pread(self.descriptor, $0.baseAddress.map { $0 + done }, count - done, off_t(position + done))
            }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw StoreError.ofServer("read snapshot file") }
            if got == 0 { break }
            done += got
        }
        octets.removeLast(count - done)
        return octets
    }
}
