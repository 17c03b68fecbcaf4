import Logging
import MailCore
import MailStore
import ServerConfig
import Synchronization

/// Reads, from time to time and slowly, all that the store keeps, compares checksums, sizes and files with the index,
/// mends the index where files are right, and tells of what cannot be mended.
final class AutoScrub: Sendable {
    private let store: any StoreUpkeep
    private let logger: Logger
    private let settings: Mutex<Settings>

    private static let pause: Duration = .seconds(30)

    init?(_ store: any MailStore, _ settings: Settings, _ logger: Logger) {
        guard let store = store as? any StoreUpkeep else { return nil }
        self.store = store
        self.settings = Mutex(settings)
        self.logger = logger
    }

    func reload(_ settings: Settings) { self.settings.withLock { $0 = settings } }

    /// Works until the task is cancelled.
    func run(clock: @Sendable () -> Int64) async {
        while (try? await Task.sleep(for: Self.pause)) != nil { await self.look(clock) }
    }

    /// Does what is due now, if anything is.
    func look(_ clock: @Sendable () -> Int64) async {
        let interval = self.settings.withLock { $0.mail.scrubInterval }.components.seconds
        guard interval > 0 else { return }
        var status = self.store.scrubStatus()
        guard let started = status.started else {
            // A volume that has just been made, or is of an earlier release: its time begins now.
            status.started = clock()
            await self.save(status)
            return
        }
        guard status.isRunning || clock() - (status.finished ?? started) >= interval else { return }
        do throws(StoreError) {
            try await self.round(&status, clock)
        } catch {
            guard !Task.isCancelled else { return }
            self.logger.error("scrub: \(error); it goes on with the next account later")
        }
    }

    private func round(_ status: inout ScrubStatus, _ clock: @Sendable () -> Int64) async throws(StoreError) {
        var begun = status.position
        if !status.isRunning {
            let last = (status.finished, status.findings)
            status = ScrubStatus()
            (status.finished, status.findings) = last
            status.started = clock()
            status.isRunning = true
            begun = ""
            await self.save(status)
        }
        // A round that was cut short goes on behind the account that it had come to.
        if begun.isEmpty { try await self.scrubLog(&status) }
        for identity in try await self.store.identities() where begun.isEmpty || identity.name > begun {
            do throws(StoreError) {
                try await self.scrub(identity, &status)
            } catch {
                guard error.code != .temporary || !Task.isCancelled else { throw error }
                self.logger.warning("scrub: account \(identity.name): \(error)")
            }
            if Task.isCancelled { return }
            status.position = identity.name
            await self.save(status)
        }
        status.isRunning = false
        status.position = ""
        status.findings = status.currentFindings
        status.currentFindings = 0
        status.finished = clock()
        await self.save(status)
        self.logger.info(
            """
            scrub: all read: messages=\(status.messages) octets=\(status.octets) findings=\(status.findings) \
            time=\(max(0, (status.finished ?? 0) - (status.started ?? 0))) s
            """)
    }

    private func scrubLog(_ status: inout ScrubStatus) async throws(StoreError) {
        var next: UInt32? = 0
        while let first = next, !Task.isCancelled {
            let slice = try await self.store.verifyLog(from: first)
            next = slice.next
            await self.take(slice, "the log", &status)
        }
    }

    private func scrub(_ identity: AccountIdentity, _ status: inout ScrubStatus) async throws(StoreError) {
        let account = try await self.store.account(identity)
        for listing in try await account.mailboxes() where listing.isSelectable {
            var next: UInt32?
            repeat {
                if Task.isCancelled { return }
                do throws(StoreError) {
                    let slice = try await self.store.verify(listing.name, of: account, from: next, .repair)
                    next = slice.next
                    await self.take(slice, "\(identity.name)/\(listing.name)", &status)
                } catch {
                    guard error.code == .notFound || error.code == .expunged else { throw error }
                    next = nil
                }
            } while next != nil
        }
    }

    /// Tells of what was found, and waits for as long as the octets may take.
    private func take(_ slice: VerifiedSlice, _ place: String, _ status: inout ScrubStatus) async {
        status.messages += UInt64(slice.messages)
        status.octets += UInt64(slice.octets)
        for finding in slice.findings {
            status.currentFindings += 1
            let uid = finding.uid.map { " uid \($0.rawValue)" } ?? ""
            let text = "scrub: \(place)\(uid): \(finding.kind.rawValue): \(finding.detail)"
            if finding.isRepaired { self.logger.warning("\(text); mended") } else { self.logger.error("\(text)") }
        }
        let rate = Double(max(1, self.settings.withLock { $0.mail.scrubRate }))
        // Looking costs, too, where nothing is read.
        let seconds = max(0.005, Double(slice.octets) / rate)
        _ = try? await Task.sleep(for: .seconds(min(seconds, 600)))
    }

    private func save(_ status: ScrubStatus) async {
        do throws(StoreError) {
            try await self.store.save(status)
        } catch {
            self.logger.warning("scrub: what has been done cannot be written down: \(error)")
        }
    }
}
