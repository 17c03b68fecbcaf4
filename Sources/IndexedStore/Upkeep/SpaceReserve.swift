internal import Glibc
internal import MailStore
internal import Synchronization
internal import VolumeLog

/// Space that is given up when the volume's file system is full, so that what makes room can be written: removals, a
/// checkpoint, and what is copied out of segments that are mostly dead. Without it the log of a full volume could never
/// become shorter.
///
/// It is a file of written blocks in the volume's directory. While it is given up nothing else comes in.
final class SpaceReserve: Sendable {
    private let path: String
    private let log: VolumeLog
    /// Octets of the file: one segment's, so that whatever a segment still holds can be copied out of it.
    let size: Int
    private enum Place { case unknown, taken, given }
    private let place = Mutex(Place.unknown)
    private let isGiven = Atomic<Bool>(false)

    init(directory: String, log: VolumeLog) {
        self.path = directory + "/reserve"
        self.log = log
        self.size = Int(clamping: min(UInt64(log.options.segmentSize), (log.freeSpace()?.total ?? 0) / 8))
    }

    /// Sees to it that the file is there, if there is room for it several times. `false` when there is not.
    @discardableResult
    func take() -> Bool {
        self.place.withLock { place in
            if place == .taken { return true }
            let needed = place == .given ? self.sizeAgain : 4 * self.size
            guard self.size > 0, let space = self.log.freeSpace(), space.free >= UInt64(needed), self.make() else {
                return false
            }
            place = .taken
            self.isGiven.store(false, ordering: .relaxed)
            self.log.keepsSpares = true
            return true
        }
    }

    /// Octets that must be free before it is made again: some room beside it, so that it is not given up at once.
    private var sizeAgain: Int { self.size + min(self.size, 16 << 20) }

    private func make() -> Bool {
        let file = open(self.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { return false }
        defer { close(file) }
        if posix_fallocate(file, 0, off_t(self.size)) == 0 { return true }
        unlink(self.path)
        return false
    }

    /// Something could not be written for want of space. `true` when the file system is indeed full; then the file is gone,
    /// and nothing else comes in until it can be made again. Where there was none, all may use what little there is.
    func giveUp() -> Bool {
        self.place.withLock { place in
            guard place != .given else { return true }
            // Full for one writer only, as by a quota: the file is of no use to him.
            guard self.size > 0, let space = self.log.freeSpace(), space.free < UInt64(max(self.size, 1 << 20)) else {
                return false
            }
            guard unlink(self.path) == 0 else { return true }
            place = .given
            self.isGiven.store(true, ordering: .relaxed)
            self.log.keepsSpares = false
            return true
        }
    }

    /// Whether it is given up. The keeper's rounds make it again: that may write, and who asks may be an event loop.
    var isShort: Bool { self.isGiven.load(ordering: .relaxed) }

    /// Why nothing may come in now; `nil` as a rule.
    var refusal: StoreError? {
        guard self.isShort else { return nil }
        return StoreError(
            .diskFull,
            "the volume's file system is full: new mail is taken again when \(self.sizeAgain >> 20) MiB are free")
    }
}
