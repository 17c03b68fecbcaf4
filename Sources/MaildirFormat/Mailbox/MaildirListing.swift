import Glibc
import MailCore
import MailStore

/// The names in a mailbox's `new/` and `cur/` at one moment, in one buffer.
struct MaildirListing {
    /// One file.
    struct Entry {
        private let start: Int
        // The system has no longer names than 255 octets.
        private let storedLength: UInt16
        private let storedBaseLength: UInt16
        let folder: RelativePath.Folder

        /// - Parameter name: in `names`; the base name is its first `baseLength` octets.
        init(folder: RelativePath.Folder, name: Range<Int>, baseLength: Int) {
            self.folder = folder
            self.start = name.lowerBound
            self.storedLength = UInt16(clamping: name.count)
            self.storedBaseLength = UInt16(clamping: baseLength)
        }

        var name: Range<Int> { self.start..<self.start + Int(self.storedLength) }
        var baseLength: Int { Int(self.storedBaseLength) }
    }

    private(set) var names: [UInt8] = []
    /// Each base name once.
    private(set) var entries: [Entry] = []
    private var index = NameIndex(capacity: 0)
    /// How many files had the base name of another.
    private(set) var repeated = 0

    /// Lists `new/` and then `cur/`, in which order a file that moves on is seen. While other programs rename
    /// files a listing can miss some: it is repeated until the directories stand still, at most four times.
    /// Where they never do, what only an earlier listing saw stays: better shown once more than expunged.
    init(_ directory: DirectoryHandle) throws(StoreError) {
        var earlier: MaildirListing?
        for _ in 0..<4 {
            let before = Self.state(directory)
            var listing = try MaildirListing(once: directory)
            if before == Self.state(directory) {
                self = listing
                return
            }
            if let earlier { listing.addMissing(earlier) }
            earlier = listing
        }
        if let earlier { self = earlier } else { self.makeIndex() }
    }

    private init(once directory: DirectoryHandle) throws(StoreError) {
        for folder in [RelativePath.Folder.new, .cur] {
            // Another program may have made `cur` alone, or be about to remove all three.
            guard try directory.hasDirectory(RelativePath(folder.name)) else { continue }
            try directory.forEachName(in: RelativePath(folder.name)) { name in
                // Dot files are no messages, by the Maildir specification.
                if name[0] == 0x2E { return true }
                let base = MaildirFilename.baseLength(name)
                guard base > 0 else { return true }
                let start = self.names.count
                self.names.append(contentsOf: name)
                self.entries.append(Entry(folder: folder, name: start..<self.names.count, baseLength: base))
                return true
            }
        }
        self.makeIndex()
    }

    /// Changes with every name that comes or goes.
    static func state(_ directory: DirectoryHandle) -> UInt64 {
        var mix = FingerprintMix()
        mix.add(directory.targetStatus(RelativePath("new")))
        mix.add(directory.targetStatus(RelativePath("cur")))
        return mix.value
    }

    /// Whether the last name came or went long enough ago for the next one to change `state`: times of files are as
    /// coarse as the ticks of the kernel's clock.
    static func isSettled(_ directory: DirectoryHandle) -> Bool {
        let now = SettlingTime.now()
        return [RelativePath("new"), RelativePath("cur")].allSatisfy { path in
            directory.targetStatus(path).map { SettlingTime.isOver(since: $0, at: now) } ?? true
        }
    }

    private mutating func makeIndex() {
        var index = NameIndex(capacity: self.entries.count)
        var kept = 0
        for number in self.entries.indices {
            let entry = self.entries[number]
            let other = self.names.withUnsafeBytes { bytes in
                let base = UnsafeRawBufferPointer(rebasing: bytes[Self.base(entry)])
                return index.findOrInsert(base, kept) { bytes[Self.base(self.entries[$0])] }
            }
            if let other {
                // The later one: in `cur/` rather than in `new/`.
                self.entries[other] = entry
                self.repeated += 1
            } else {
                if kept != number { self.entries[kept] = entry }
                kept += 1
            }
        }
        self.entries.removeLast(self.entries.count - kept)
        self.index = index
    }

    private mutating func addMissing(_ earlier: MaildirListing) {
        var added = false
        for entry in earlier.entries where self.find(earlier.names[Self.base(entry)]) == nil {
            let start = self.names.count
            self.names.append(contentsOf: earlier.names[entry.name])
            self.entries.append(
                Entry(folder: entry.folder, name: start..<self.names.count, baseLength: entry.baseLength))
            added = true
        }
        if added { self.makeIndex() }
    }

    static func base(_ entry: Entry) -> Range<Int> {
        entry.name.lowerBound..<entry.name.lowerBound + entry.baseLength
    }

    /// The number of the entry with this base name.
    func find(_ base: UnsafeRawBufferPointer) -> Int? {
        self.names.withUnsafeBytes { bytes in
            self.index.find(base) { bytes[Self.base(self.entries[$0])] }
        }
    }

    /// The numbers of the entries that a list's rows name, row by row; -1 where there is none.
    func entriesOfRows(_ list: UIDListFile) -> [Int32] {
        list.text.withUnsafeBytes { text in
            list.rows.map { row in
                self.find(UnsafeRawBufferPointer(rebasing: text[row.name])).flatMap { Int32(exactly: $0) } ?? -1
            }
        }
    }

    private func find(_ base: ArraySlice<UInt8>) -> Int? {
        base.withUnsafeBytes { self.find($0) }
    }
}
