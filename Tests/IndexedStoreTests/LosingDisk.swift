import Glibc
import Synchronization
import VolumeLog

/// A disk that forgets at power loss what was not flushed: any of the sectors written since, and the latest of the
/// names made or changed since.
final class LosingDisk: Sendable {
    private struct State {
        var paths: [Int32: String] = [:]
        /// What was there before, of writes since the file's last flush.
        var written: [(path: String, offset: Int, before: [UInt8])] = []
        /// What takes back a name made or changed since the directory's last flush.
        var names: [Name] = []
    }

    private enum Name {
        case made(String)
        case renamed(String, String)
    }

    private let state = Mutex(State())
    private static let sector = 512

    var files: FileOperations {
        let system = FileOperations.system
        var files = system
        files.open = { [self] path, flags, mode in
            let isNew = access(path, F_OK) != 0
            let descriptor = system.open(path, flags, mode)
            guard descriptor >= 0 else { return descriptor }
            self.state.withLock { state in
                state.paths[descriptor] = path
                if isNew { state.names.append(.made(path)) }
            }
            return descriptor
        }
        files.write = { [self] file, bytes, offset in
            var before = [UInt8](repeating: 0, count: bytes.count)
            let count = pread(file, &before, before.count, off_t(offset))
            before.removeLast(before.count - max(0, count))
            let written = system.write(file, bytes, offset)
            let saved = before
            self.state.withLock { state in
                guard let path = state.paths[file] else { return }
                state.written.append((path, offset, saved))
            }
            return written
        }
        files.flush = { [self] file in
            let result = system.flush(file)
            self.state.withLock { state in
                guard let path = state.paths[file] else { return }
                state.written.removeAll { $0.path == path }
            }
            return result
        }
        files.flushDirectory = { [self] directory in
            let result = system.flushDirectory(directory)
            self.state.withLock { $0.names = [] }
            return result
        }
        files.rename = { [self] old, new in
            let result = system.rename(old, new)
            guard result == 0 else { return result }
            self.state.withLock { state in
                state.names.append(.renamed(old, new))
                for (descriptor, path) in state.paths where path == old { state.paths[descriptor] = new }
                for index in state.written.indices where state.written[index].path == old {
                    state.written[index].path = new
                }
            }
            return result
        }
        return files
    }

    /// Forgets. Nothing may be written afterwards.
    func losePower(_ seed: UInt64) {
        var random = ModelTests.Seeded(state: seed &* 77 &+ 5)
        self.state.withLock { state in
            for write in state.written.reversed() {
                let file = Glibc.open(write.path, O_RDWR)
                guard file >= 0 else { continue }
                defer { close(file) }
                var start = 0
                while start < write.before.count {
                    // Sectors begin at multiples of their size in the file.
                    let end = min(
                        write.before.count,
                        (write.offset + start) / Self.sector * Self.sector + Self.sector - write.offset)
                    if Bool.random(using: &random) {
                        _ = write.before[start..<end].withUnsafeBytes {
                            pwrite(file, $0.baseAddress, $0.count, off_t(write.offset + start))
                        }
                    }
                    start = end
                }
            }
            // A journal keeps the order: the latest names go first.
            let kept = Int.random(in: 0...state.names.count, using: &random)
            for name in state.names[kept...].reversed() {
                switch name {
                case .made(let path): unlink(path)
                case .renamed(let old, let new): Glibc.rename(new, old)
                }
            }
        }
    }
}
