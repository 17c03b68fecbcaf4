import Glibc
internal import Synchronization

/// Files larger than every message, and compressed ones that were found to expand beyond every bound, or not at all:
/// remembered, so that not each look at such a message expands it again, or tells of it.
final class UnreadableFiles: Sendable {
    /// A file as it was then; one that has changed is tried again.
    struct Key: Hashable {
        private let device: UInt64
        private let inode: UInt64
        private let size: Int64
        private let changed: [Int64]

        init(_ status: stat) {
            self.device = UInt64(status.st_dev)
            self.inode = UInt64(status.st_ino)
            self.size = Int64(status.st_size)
            self.changed = [Int64(status.st_mtim.tv_sec), Int64(status.st_mtim.tv_nsec)]
        }
    }

    private let known = Mutex<[Key: String]>([:])

    /// For all of the process: files know their device.
    static let shared = UnreadableFiles()

    private static let maximum = 4096

    /// Why the file cannot be read.
    func reason(_ key: Key) -> String? { self.known.withLock { $0[key] } }

    func note(_ key: Key, _ reason: String) {
        self.known.withLock { known in
            if known.count >= Self.maximum { known.removeAll() }
            known[key] = reason
        }
    }
}
