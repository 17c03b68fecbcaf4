internal import Glibc
public import MailCore

/// What the index has of a mailbox's messages, compactly, so that a format can leave out of a scan what its files say
/// just so: most often all of them. A mailbox of a million messages takes some 80 MB here, without an allocation for
/// each.
public struct KnownMessages: Sendable {
    /// Of the mailbox. In a list of UIDs with another one nothing can be known.
    public let uidValidity: UIDValidity
    /// Ascending.
    private var uids: [UInt32] = []
    private var flags: [UInt8] = []
    /// Numbers in `keywordSets`, or `changing`.
    private var sets: [UInt32] = []
    private var names: [UInt8] = []
    /// Where each name ends in `names`; the next one begins there.
    private var ends: [Int] = []
    /// The first is the empty one.
    private var keywordSets: [[UInt16]] = [[]]
    private var numbersOfSets: [[UInt16]: UInt32] = [[]: 0]
    private let agree: @Sendable (_ numbers: [UInt16], _ shown: [Keyword], _ showable: [Keyword]) -> Bool

    /// Of a message whose file is still to be changed: what its name says means nothing.
    private static let changing = UInt32.max

    /// - Parameter agree: whether a file shows keywords that the index has as these numbers, as far as files can.
    public init(
        _ uidValidity: UIDValidity,
        agree: @escaping @Sendable (_ numbers: [UInt16], _ shown: [Keyword], _ showable: [Keyword]) -> Bool
    ) {
        self.uidValidity = uidValidity
        self.agree = agree
    }

    /// The highest UID.
    public var last: UID? { self.uids.last.flatMap { UID(rawValue: $0) } }

    /// Adds a message whose UID is above all others'.
    ///
    /// - Parameter isChanging: its file is still to be changed, so that a scan has to tell of it in any case.
    public mutating func append(
        _ uid: UID, _ flags: MessageFlags, _ keywords: [UInt16], _ location: UnsafeRawBufferPointer, isChanging: Bool
    ) {
        self.uids.append(uid.rawValue)
        self.flags.append(flags.rawValue)
        self.names.append(contentsOf: location)
        self.ends.append(self.names.count)
        self.sets.append(isChanging ? Self.changing : self.set(of: keywords))
    }

    private mutating func set(of keywords: [UInt16]) -> UInt32 {
        if keywords.isEmpty { return 0 }
        if let known = self.numbersOfSets[keywords] { return known }
        // No more than there are messages.
        let number = UInt32(self.keywordSets.count)
        self.keywordSets.append(keywords)
        self.numbersOfSets[keywords] = number
        return number
    }

    /// Those that a scan did not leave out.
    func rest(without unchanged: UIDSet) -> [UID] {
        if unchanged.count == self.uids.count { return [] }
        return self.uids.lazy.compactMap { UID(rawValue: $0) }.filter { !unchanged.contains($0) }
    }

    /// A walk along the files' messages by ascending UIDs.
    public struct Comparison {
        private let known: KnownMessages
        private let showable: [Keyword]
        private var position = 0
        /// What the files of one set and one number of keywords were found to say.
        private var verdicts: [UInt64: Bool] = [:]
        /// The messages that agreed.
        public private(set) var unchanged = UIDSet()

        /// Begins at the lowest UID. `showable`: the keywords that files can show.
        public init(_ known: KnownMessages, showable: [Keyword]) {
            self.known = known
            self.showable = showable
        }

        /// Whether the file of that UID is what the index has; UIDs must ascend from call to call.
        ///
        /// - Parameters:
        ///   - keywords: the format's own number for the keywords that the file shows; 0 for none.
        ///   - named: those keywords; asked seldom.
        public mutating func agrees(
            _ uid: UID, _ location: UnsafeRawBufferPointer, _ flags: MessageFlags, keywords: UInt32,
            named: () -> [Keyword]
        ) -> Bool {
            while self.position < self.known.uids.count, self.known.uids[self.position] < uid.rawValue {
                self.position += 1
            }
            let position = self.position
            guard position < self.known.uids.count, self.known.uids[position] == uid.rawValue,
                self.known.flags[position] == flags.rawValue, self.known.isName(location, at: position),
                self.agrees(self.known.sets[position], keywords, named)
            else { return false }
            self.unchanged.insert(uid)
            return true
        }

        private mutating func agrees(_ set: UInt32, _ keywords: UInt32, _ named: () -> [Keyword]) -> Bool {
            if set == 0, keywords == 0 { return true }
            guard set != KnownMessages.changing else { return false }
            let key = UInt64(set) << 32 | UInt64(keywords)
            if let verdict = self.verdicts[key] { return verdict }
            let verdict = self.known.agree(self.known.keywordSets[Int(set)], named(), self.showable)
            self.verdicts[key] = verdict
            return verdict
        }
    }

    private func isName(_ location: UnsafeRawBufferPointer, at position: Int) -> Bool {
        let start = position == 0 ? 0 : self.ends[position - 1]
        guard self.ends[position] - start == location.count else { return false }
        return self.names.withUnsafeBytes { names in
            guard let names = names.baseAddress, let wanted = location.baseAddress else { return location.isEmpty }
            return memcmp(names + start, wanted, location.count) == 0
        }
    }
}
