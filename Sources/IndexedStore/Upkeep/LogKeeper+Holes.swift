internal import MailStore
internal import Threads
internal import VolumeLog

/// The blocks of large bodies that nobody names any more, in segments that are still needed.
///
/// They go when nobody who copies the volume can meet them any more, and when no rebuild of the index reads the
/// record. What is not given back when the volume is closed comes back with its segment, by cleaning.
extension LogKeeper {
    struct Freed: Sendable {
        var location: RecordLocation
        /// In monotonic nanoseconds.
        var due: UInt64
    }

    static let maximumFreed = 10_000
    /// What one costs of the budget: a change of the file's map of blocks.
    private static let punchCost = 64 << 10

    /// From the applier, after its commit.
    func freed(_ locations: [RecordLocation]) {
        let retention = UInt64(max(0, min(self.configuration.segmentRetention, 1 << 30))) * 1_000_000_000
        let due = SteadyClock.nanoseconds() &+ retention
        self.addFreed(locations.map { Freed(location: $0, due: due) })
    }

    func punchFreed(_ pace: Pace) throws(StoreError) {
        guard self.configuration.backgroundRate > 0 || pace != .withinBudget else { return }
        var kept: [Freed] = []
        defer { self.addFreed(kept) }
        for freed in self.takeFreed() {
            guard freed.due <= SteadyClock.nanoseconds() || pace != .withinBudget,
                self.applier.isBeforeCheckpoint(freed.location.segment), !self.mustStop
            else {
                kept.append(freed)
                continue
            }
            do throws(VolumeLogError) {
                _ = try self.log.punch(freed.location)
                self.pay(Self.punchCost, pace)
            } catch {
                switch error.code {
                // Given back with its segment meanwhile.
                case .noSuchRecord, .damaged, .fileNotFound: break
                // A file system that cannot: cleaning gives the space back.
                case .other: break
                default: throw StoreError(error)
                }
            }
        }
    }
}
