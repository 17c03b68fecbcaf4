import MailStore
import Synchronization

/// Listings of the mailboxes where names were looked for lately.
///
/// File names follow changes of flags by up to a second. Who copies or reads a whole mailbox right after its flags
/// changed finds no file under the name that it expects; listing the directory once for each would take time that
/// grows with the square of the mailbox. Thread-safe; at most `limit` listings, each for `lifetime` at most.
final class RecentListings: Sendable {
    private struct Entry {
        var key: UInt64
        /// `nil` after the first look: one missing name is not worth a listing that is kept.
        var listing: MaildirListing?
        /// That of the directories when the listing was made; `nil` when they did not stand still then.
        var state: UInt64?
        var taken: ContinuousClock.Instant
        var duration: Duration = .zero
    }

    private let entries = Mutex<[Entry]>([])

    private static let limit = 4
    private static let lifetime: Duration = .seconds(5)

    /// The entry name that a kept listing has for a base name. It may be out of date: look whether it is there.
    func name(of base: [UInt8], key: UInt64) -> MaildirMailbox.FoundFile? {
        self.entries.withLock { entries in
            guard let entry = entries.first(where: { $0.key == key }), let listing = entry.listing else { return nil }
            return base.withUnsafeBytes { listing.find($0) }.map { number in
                let found = listing.entries[number]
                let name = Array(listing.names[found.name])
                return MaildirMailbox.FoundFile(
                    path: RelativePath(found.folder, name), folder: found.folder, name: name)
            }
        }
    }

    /// Makes a listing of `directory` and keeps it, when a name was missing before and the last listing was long
    /// enough ago for another to cost little in comparison. `false` when not.
    func renew(_ directory: DirectoryHandle, key: UInt64) throws(StoreError) -> Bool {
        let isDue = self.entries.withLock { entries -> Bool in
            Self.expire(&entries)
            guard let entry = entries.first(where: { $0.key == key }) else {
                Self.put(Entry(key: key, listing: nil, taken: .now), into: &entries)
                return false
            }
            return ContinuousClock.now - entry.taken >= entry.duration * 10
        }
        guard isDue else { return false }
        let started = ContinuousClock.now
        let before = MaildirListing.isSettled(directory) ? MaildirListing.state(directory) : nil
        let listing = try MaildirListing(directory)
        let state = before == MaildirListing.state(directory) ? before : nil
        let ended = ContinuousClock.now
        self.entries.withLock { entries in
            entries.removeAll { $0.key == key }
            Self.put(
                Entry(key: key, listing: listing, state: state, taken: ended, duration: ended - started),
                into: &entries)
        }
        return true
    }

    /// Whether a kept listing has every name that there is: what it lacks needs no look. Who looks for thousands of
    /// files that another program has removed would else list the directory for each.
    func isComplete(_ directory: DirectoryHandle, key: UInt64) -> Bool {
        let known = self.entries.withLock { entries in entries.first { $0.key == key }?.state }
        return known.map { $0 == MaildirListing.state(directory) } ?? false
    }

    private static func put(_ entry: Entry, into entries: inout [Entry]) {
        if entries.count >= Self.limit { entries.removeFirst() }
        entries.append(entry)
    }

    /// Forgets what is too old to be of use.
    func expire() {
        self.entries.withLock { Self.expire(&$0) }
    }

    private static func expire(_ entries: inout [Entry]) {
        guard !entries.isEmpty else { return }
        let now = ContinuousClock.now
        entries.removeAll { now - $0.taken > Self.lifetime }
    }
}
