internal import MailCore
internal import MailStore
internal import VolumeLog

/// Cleaning: the messages that are left in a sparse segment are copied to the log's end; then nothing needs the
/// segment any more, and the applier gives it back.
extension LogKeeper {
    /// Copied at once, so that their flush is shared.
    private static let copiedOctets = 1 << 20

    /// In hundredths: on a full file system nearly each segment is worth its copy.
    private static let roomThreshold = 90

    /// Cleans segments until none is sparse, or the volume closes.
    func clean(_ pace: Pace) throws(StoreError) {
        guard self.configuration.backgroundRate > 0 || pace != .withinBudget else { return }
        var done = Set<UInt32>()
        while !self.mustStop, let segment = try self.sparsest(except: done, pace) {
            done.insert(segment)
            try self.clean(segment, pace)
        }
    }

    /// The segment with the least in it, if that is little enough to be worth its copy.
    private func sparsest(except done: Set<UInt32>, _ pace: Pace) throws(StoreError) -> UInt32? {
        let threshold = pace == .room ? Self.roomThreshold : self.configuration.cleaningThreshold
        let live = try self.schema.liveSegments()
        var best: (segment: UInt32, octets: UInt64)?
        for (segment, octets) in live where !done.contains(segment) && !self.uncleanable.contains(segment) {
            // Segments that are needed for a rebuild stay anyway.
            guard self.applier.isBeforeCheckpoint(segment) else { continue }
            let size = UInt64(self.log.size(of: segment) ?? 0)
            guard octets * 100 < size * UInt64(threshold) else { continue }
            if octets < best?.octets ?? .max { best = (segment, octets) }
        }
        return best?.segment
    }

    private func clean(_ segment: UInt32, _ pace: Pace) throws(StoreError) {
        var records: [StoreRecord] = []
        var octets = 0
        do {
            let report = try self.log.replay(segment: segment) { logged in
                if self.mustStop { return .stop }
                guard let id = Self.body(in: logged), let row = try self.schema.body(id),
                    row.location == logged.location
                else { return .next }
                let count = Int(row.count)
                guard count <= logged.payload.count else { return .next }
                let body =
                    count > VolumeLog.largeBody
                    ? try self.log.body(row.count, at: logged.location)
                    : MessageOctets(Array(logged.payload.suffix(count)))
                // One that came before bodies were packed.
                if !row.isPacked, self.configuration.packsBodies, let codec = self.configuration.bodyCodec,
                    let packed = PackedBody.pack(body, codec)
                {
                    records.append(.bodyMoved(BodyMoved(id: id, octets: packed, isPacked: true)))
                } else {
                    records.append(.bodyMoved(BodyMoved(id: id, octets: body, isPacked: row.isPacked)))
                }
                octets += count
                if octets >= Self.copiedOctets {
                    try self.copy(&records, &octets, pace)
                }
                return .next
            }
            try self.copy(&records, &octets, pace)
            for damage in report.damages {
                self.uncleanable.insert(segment)
                self.configuration.log(
                    .error,
                    "log segment \(segment) is damaged at \(damage.offset), \(damage.length) octets: messages may be "
                        + "lost in it. It is kept as it is")
            }
        } catch let error as StoreError {
            throw error
        } catch let error as VolumeLogError {
            throw StoreError(error)
        } catch {
            throw StoreError(.temporary, "cleaning: \(error)")
        }
    }

    private func copy(_ records: inout [StoreRecord], _ octets: inout Int, _ pace: Pace) throws(StoreError) {
        guard !records.isEmpty else { return }
        self.configuration.crashPoint(.beforeCleaning)
        try self.commit(records)
        self.configuration.crashPoint(.afterCleaning)
        self.pay(octets, pace)
        records = []
        octets = 0
    }

    /// The body that a record holds, if it holds one.
    private static func body(in logged: LogRecord) -> BodyID? {
        switch StoreRecord.Kind(rawValue: logged.kind) {
        case .added, .delivered, .relocated, .addedPacked, .deliveredPacked: return BodyID(logged.sequence)
        case .bodyMoved, .bodyMovedPacked:
            guard logged.payload.count >= 9 else { return nil }
            return BodyID(
                rawValue: UInt64(littleEndian: logged.payload.loadUnaligned(fromByteOffset: 1, as: UInt64.self)))
        default: return nil
        }
    }
}
