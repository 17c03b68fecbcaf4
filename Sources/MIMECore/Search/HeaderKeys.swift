import MailCore

/// What SORT, THREAD and most SEARCH keys compare of a message's header, ready to be compared: some tens of octets, so
/// that a whole mailbox is looked through without touching what its caches keep.
///
///     octet version | octet flags | octet flags | octet length of subject | octet offset, octet length of base subject
///     octet length of sender | octet number of references
///     [seconds (8, little-endian) | zone minutes (2)]              if hasDate
///     subject | [key of base subject] | sender | [key of message-id] | keys of references
///
/// Texts are mapped by i;unicode-casemap. What does not fit is not there, and is then asked of the cache: the answers
/// are the same either way.
public enum HeaderKeys {
    /// Of the form above and of what is made of a header; keys of other versions mean nothing.
    public static let version: UInt8 = 1

    /// Octets of a text.
    static let maximumText = 96
    static let maximumReferences = 16
    private static let head = 8

    struct Flags: OptionSet {
        let rawValue: UInt16
        static let hasDate = Flags(rawValue: 1)
        /// The subject was that of a reply or a forward.
        static let isReply = Flags(rawValue: 2)
        /// The base subject is in the subject's text, at the place given.
        static let hasBaseSubject = Flags(rawValue: 4)
        /// The key of the base subject, where that is not there itself.
        static let hasSubjectKey = Flags(rawValue: 8)
        static let hasMessageID = Flags(rawValue: 16)
        /// All references are there, or there are none.
        static let hasReferences = Flags(rawValue: 32)
        /// All that SEARCH SUBJECT looks at is there; without the next flag, there is nothing.
        static let knowsSubject = Flags(rawValue: 64)
        static let hasSubject = Flags(rawValue: 128)
        /// The same of SEARCH FROM.
        static let knowsSender = Flags(rawValue: 256)
        static let hasSender = Flags(rawValue: 512)
    }

    /// The keys of a message, from its cache.
    public static func build(from cache: MessageCache.View, converter: CharsetConverter = .builtIn) -> [UInt8] {
        var flags: Flags = []
        var subject: [UInt8] = []
        var base = 0..<0
        var subjectKey: TextKey?
        if let subjects = cache.fieldBodies(Array("subject".utf8)) {
            if let first = subjects.first {
                MappedField.append(first, converter: converter, to: &subject)
                if subject.count > Self.maximumText { subject = [] } else { flags.insert(.hasSubject) }
            }
            // Of several, SEARCH looks at all.
            if subjects.count < 2, subjects.isEmpty || flags.contains(.hasSubject) { flags.insert(.knowsSubject) }
            // An unknown charset sorts in a way of its own.
            if subjects.first.flatMap({ BaseSubject.unconverted($0, converter: converter) }) == nil {
                let none: (subject: [UInt8], isReply: Bool) = ([], false)
                let extracted = subjects.first.map { BaseSubject.extract($0, converter: converter) } ?? none
                if extracted.isReply { flags.insert(.isReply) }
                var mapped: [UInt8] = []
                UnicodeCasemap.append(extracted.subject, to: &mapped)
                if let place = Self.find(mapped, in: subject) {
                    base = place
                    flags.insert(.hasBaseSubject)
                } else {
                    subjectKey = TextKey(mapped)
                    flags.insert(.hasSubjectKey)
                }
            }
        }
        var sender: [UInt8] = []
        if let senders = cache.fieldBodies(Array("from".utf8)) {
            if senders.isEmpty {
                flags.insert(.knowsSender)
            } else if senders.count == 1 {
                // SEARCH looks at the field as it stands and at its addresses. Where these only go on behind it, what
                // is in either is in them.
                var plain: [UInt8] = []
                MappedField.append(senders[0], converter: converter, to: &plain)
                sender = MessageText.mappedAddresses(senders[0], converter: converter)
                if sender.count <= Self.maximumText, sender.starts(with: plain) {
                    flags.formUnion([.knowsSender, .hasSender])
                } else {
                    sender = []
                }
            }
        }
        let messageID = cache.messageID.map { TextKey(messageID: $0) }
        if messageID != nil { flags.insert(.hasMessageID) }
        var references = cache.references(maximum: 64).map { TextKey(messageID: $0) }
        if references.count <= Self.maximumReferences { flags.insert(.hasReferences) } else { references = [] }
        if cache.sentDate != nil { flags.insert(.hasDate) }

        var out: [UInt8] = [
            Self.version, UInt8(flags.rawValue & 0xFF), UInt8(flags.rawValue >> 8), UInt8(subject.count),
            UInt8(base.lowerBound), UInt8(base.count), UInt8(sender.count), UInt8(references.count),
        ]
        out.reserveCapacity(Self.head + 10 + subject.count + sender.count + (2 + references.count) * TextKey.size)
        if let date = cache.sentDate {
            out.appendLittleEndian(date.secondsSince1970)
            out.appendLittleEndian(Int16(clamping: date.zoneOffsetMinutes))
        }
        out += subject
        subjectKey?.append(to: &out)
        out += sender
        messageID?.append(to: &out)
        for key in references { key.append(to: &out) }
        return out
    }

    /// Where `text` is in `whole`; the empty one at its beginning.
    private static func find(_ text: [UInt8], in whole: [UInt8]) -> Range<Int>? {
        if text.isEmpty { return 0..<0 }
        guard text.count <= whole.count else { return nil }
        for start in 0...whole.count - text.count where whole[start..<start + text.count].elementsEqual(text) {
            return start..<start + text.count
        }
        return nil
    }

    /// Reads keys in place. Valid as long as the memory they were made from.
    public struct View {
        private let octets: UnsafeRawBufferPointer
        private let flags: Flags
        private let subjectStart: Int
        private let senderStart: Int
        private let idStart: Int

        /// `nil` for keys of another version, and for what is none.
        @inline(__always)
        public init?(_ octets: UnsafeRawBufferPointer) {
            guard octets.count >= HeaderKeys.head, octets[0] == HeaderKeys.version else { return nil }
            let flags = Flags(rawValue: UInt16(octets[1]) | UInt16(octets[2]) << 8)
            self.subjectStart = HeaderKeys.head + (flags.contains(.hasDate) ? 10 : 0)
            let subject = Int(octets[3])
            self.senderStart = self.subjectStart + subject + (flags.contains(.hasSubjectKey) ? TextKey.size : 0)
            self.idStart = self.senderStart + Int(octets[6])
            let end = self.idStart + (Int(octets[7]) + (flags.contains(.hasMessageID) ? 1 : 0)) * TextKey.size
            guard end == octets.count, Int(octets[4]) + Int(octets[5]) <= subject else { return nil }
            self.octets = octets
            self.flags = flags
        }

        @inline(__always)
        private func slice(_ start: Int, _ count: Int) -> UnsafeRawBufferPointer {
            UnsafeRawBufferPointer(rebasing: self.octets[start..<start + count])
        }

        /// Seconds since 1970 of the Date field; `nil` without one that says a date.
        @inline(__always)
        public var sentSeconds: Int64? {
            guard self.flags.contains(.hasDate) else { return nil }
            return Int64(
                littleEndian: self.octets.loadUnaligned(fromByteOffset: HeaderKeys.head, as: Int64.self))
        }

        /// The Date field.
        public var sentDate: MessageDate? {
            self.sentSeconds.map {
                let zone = self.octets.loadUnaligned(fromByteOffset: HeaderKeys.head + 8, as: Int16.self)
                return MessageDate(secondsSince1970: $0, zoneOffsetMinutes: Int(Int16(littleEndian: zone)))
            }
        }

        /// The base subject, mapped; `nil` when it must be asked of the cache.
        @inline(__always)
        public var baseSubject: UnsafeRawBufferPointer? {
            guard self.flags.contains(.hasBaseSubject) else { return nil }
            return self.slice(self.subjectStart + Int(self.octets[4]), Int(self.octets[5]))
        }

        /// Whether the base subject, or else its key, is known.
        @inline(__always)
        public var knowsThreadSubject: Bool {
            !self.flags.isDisjoint(with: [.hasBaseSubject, .hasSubjectKey])
        }

        /// Where subjects are known: the key of the base subject, `nil` for the empty one.
        @inline(__always)
        public var threadSubject: TextKey? {
            if let subject = self.baseSubject { return subject.isEmpty ? nil : TextKey(subject) }
            guard self.flags.contains(.hasSubjectKey) else { return nil }
            return TextKey(kept: self.octets, at: self.subjectStart + Int(self.octets[3]))
        }

        public var isReply: Bool { self.flags.contains(.isReply) }

        public var messageID: TextKey? {
            self.flags.contains(.hasMessageID) ? TextKey(kept: self.octets, at: self.idStart) : nil
        }

        /// The number of references; `nil` when they must be asked of the cache.
        @inline(__always)
        public var referenceCount: Int? { self.flags.contains(.hasReferences) ? Int(self.octets[7]) : nil }

        /// Precondition: `index` is below `referenceCount`.
        @inline(__always)
        public func reference(_ index: Int) -> TextKey {
            let first = self.idStart + (self.flags.contains(.hasMessageID) ? TextKey.size : 0)
            return TextKey(kept: self.octets, at: first + min(index, Int(self.octets[7]) - 1) * TextKey.size)
        }

        /// Whether SEARCH SUBJECT finds the needle; `nil` when more must be asked.
        @inline(__always)
        public func subjectContains(_ needle: SearchNeedle) -> Bool? {
            guard self.flags.contains(.knowsSubject) else { return nil }
            return self.flags.contains(.hasSubject)
                && needle.isFound(inShort: self.slice(self.subjectStart, Int(self.octets[3])))
        }

        /// The same of SEARCH FROM.
        @inline(__always)
        public func senderContains(_ needle: SearchNeedle) -> Bool? {
            guard self.flags.contains(.knowsSender) else { return nil }
            return self.flags.contains(.hasSender)
                && needle.isFound(inShort: self.slice(self.senderStart, Int(self.octets[6])))
        }
    }
}
