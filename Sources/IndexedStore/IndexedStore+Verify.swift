public import MailCore
public import MailStore
internal import VolumeLog

extension IndexedStore {
    public func verify(
        _ name: MailboxName, of account: any MailAccount, from first: UInt32?, _ mode: VerifyMode
    ) async throws(StoreError) -> VerifiedSlice {
        let state = try await self.account(own: account).state(of: name)
        return try await self.threads.run { () throws(StoreError) in try state.verify(from: first, mode) }
    }

    public func verifyLog(from first: UInt32?) async throws(StoreError) -> VerifiedSlice {
        let log = self.volume.log
        return try await self.threads.run { () throws(StoreError) -> VerifiedSlice in
            var slice = VerifiedSlice()
            let segments = log.segments().map(\.number)
            guard let number = segments.first(where: { $0 >= first ?? 0 }) else { return slice }
            slice.next = segments.contains { $0 > number } ? number + 1 : nil
            slice.octets = log.size(of: number) ?? 0
            let report: ReplayReport
            do {
                report = try log.replay(segment: number) { _ in .next }
            } catch {
                throw (error as? VolumeLogError).map { StoreError($0) } ?? StoreError(.temporary, "\(error)")
            }
            for damage in report.damages {
                let lost = damage.lost.map { ", records \($0.lowerBound) to \($0.upperBound)" } ?? ""
                slice.findings.append(
                    StoreFinding(
                        .log, nil,
                        "segment \(damage.segment) at \(damage.offset): \(damage.length) octets cannot be read\(lost)"))
            }
            return slice
        }
    }

    public func scrubStatus() -> ScrubStatus {
        let saved = self.volume.log.note(Self.scrubNote).flatMap {
            ScrubStatus(text: String(decoding: $0, as: UTF8.self))
        }
        return saved ?? ScrubStatus()
    }

    public func save(_ status: ScrubStatus) async throws(StoreError) {
        let log = self.volume.log
        try await self.threads.run { () throws(StoreError) in
            do throws(VolumeLogError) {
                try log.replaceNote(Self.scrubNote, Array(status.text.utf8))
            } catch {
                throw StoreError(error)
            }
        }
    }

    private static let scrubNote = "scrub"
}
