internal import Glibc
internal import MailStore
internal import Synchronization
internal import VolumeLog

/// Which volumes have accounts: a file `volumes` beside the log of each names the others.
///
/// Without it, settings that leave a volume out would give its users new, empty accounts elsewhere.
public enum VolumeRoster {
    /// A volume by the name in the settings and by the directory of its log and index.
    public struct Entry: Sendable, Hashable {
        public var name: String
        public var directory: String

        public init(name: String, directory: String) {
            self.name = name
            self.directory = directory
        }
    }

    private static let note = "volumes"
    private static let title = "martlet volumes 1"
    private static let largestNote = 1 << 20

    /// Volumes with accounts that are not among those of the settings, under their name or in their directory. Needs no
    /// open store; what cannot be read is passed over.
    public static func missing(from volumes: [Entry]) -> [Entry] {
        let names = Set(volumes.map(\.name))
        let directories = Set(volumes.map(\.directory))
        var missing: [Entry] = []
        for volume in volumes {
            for entry in self.read(Self.path(volume.directory))
            where !names.contains(entry.name) && !directories.contains(entry.directory) && !missing.contains(entry) {
                missing.append(entry)
            }
        }
        return missing
    }

    /// What to tell of a missing volume: the cause and the ways out.
    public static func text(_ entry: Entry, among volumes: [Entry]) -> String {
        let notes = volumes.map { Self.path($0.directory) }.joined(separator: ", ")
        return "volume \(entry.name) in \(entry.directory) has accounts and is not in the settings any more: their users "
            + "would find no mail. Put the block `volume \(entry.name) { path = \(entry.directory) }` back; to give the "
            + "volume up, move its accounts first (`martlet account move --volume NAME`). If the volume is lost, remove "
            + "\(notes)"
    }

    private static func path(_ directory: String) -> String { "\(directory)/log/\(self.note)" }

    private static func read(_ path: String) -> [Entry] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return [] }
        defer { Glibc.close(descriptor) }
        var octets: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while octets.count < self.largestNote {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            guard count > 0 else { break }
            octets += buffer[..<count]
        }
        let lines = octets.split(separator: UInt8(ascii: "\n"))
        guard let first = lines.first, first.elementsEqual(self.title.utf8) else { return [] }
        return lines.dropFirst().compactMap { line in
            let words = line.split(separator: UInt8(ascii: "\t"), maxSplits: 1)
            guard words.count == 2 else { return nil }
            return Entry(
                name: String(decoding: words[0], as: UTF8.self), directory: String(decoding: words[1], as: UTF8.self))
        }
    }

    /// Writes into the volume of `store` which others have accounts, unless the file says so already.
    static func write(_ others: [Entry], into store: IndexedStore) throws(StoreError) {
        guard self.read(self.path(store.volume.configuration.directory)) != others else { return }
        let text = ([self.title] + others.map { "\($0.name)\t\($0.directory)" }).joined(separator: "\n") + "\n"
        do throws(VolumeLogError) {
            try store.volume.log.replaceNote(self.note, Array(text.utf8))
        } catch {
            throw StoreError(error)
        }
    }
}

extension VolumeSet {
    /// Writes down which volumes have accounts, if that has changed since the last time.
    ///
    /// - Parameter new: a volume that has just got an account, which its index may not know yet.
    func noteVolumes(with new: VolumeRoster.Entry? = nil) {
        self.roster.withLock { known in
            var used: [VolumeRoster.Entry] = []
            do throws(StoreError) {
                for store in self.stores {
                    let entry = store.rosterEntry
                    let hasAccounts = try store.volume.schema.hasAccounts()
                    if hasAccounts || entry == new { used.append(entry) }
                }
                guard used != known else { return }
                for store in self.stores {
                    try VolumeRoster.write(used.filter { $0 != store.rosterEntry }, into: store)
                }
                known = used
            } catch {
                // Tried again with the next new account and at the next start.
                self.report(.warning, "which volumes have accounts cannot be written down: \(error)")
            }
        }
    }

    /// The same where a volume may have got its first account.
    func noteFirstAccount(in store: IndexedStore) {
        let entry = store.rosterEntry
        if self.roster.withLock({ $0?.contains(entry) ?? false }) { return }
        self.noteVolumes(with: entry)
    }
}

extension IndexedStore {
    var rosterEntry: VolumeRoster.Entry {
        let configuration = self.volume.configuration
        return VolumeRoster.Entry(name: configuration.volumeName, directory: configuration.directory)
    }
}
