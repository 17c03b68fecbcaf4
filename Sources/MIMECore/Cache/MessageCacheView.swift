import MailCore

extension MessageCache {
    /// Reads a blob in place. Valid as long as the memory it was made from.
    public struct View {
        private let flags: Flags
        /// RFC822.SIZE.
        public let size: Int
        /// Octets of the header with its empty line.
        public let headerSize: Int
        /// The `Date` field; `nil` when there is none or it says no date. Its `asWritten` is what SENTON
        /// compares.
        public let sentDate: MessageDate?
        private let envelopeOctets: UnsafeRawBufferPointer
        private let structureOctets: UnsafeRawBufferPointer
        private let extensionOctets: UnsafeRawBufferPointer
        private let extensionCount: Int
        private let tableOctets: UnsafeRawBufferPointer
        private let notCached: UInt64
        private let fields: UnsafeRawBufferPointer
        /// UTF-8, at most `Preview.maximumCharacters` characters; empty when the message shows no text.
        public let preview: UnsafeRawBufferPointer
        private let referenceOctets: UnsafeRawBufferPointer
        private let referenceCount: Int

        /// `nil` for a damaged blob and for one of another version: build it anew from the message.
        public init?(_ blob: UnsafeRawBufferPointer) {
            var reader = ByteReader(blob)
            guard reader.readLittleEndian(UInt8.self) == MessageCache.version,
                let flags = reader.readLittleEndian(UInt8.self),
                let size = reader.readVarint(), size <= UInt64(Int.max / 2),
                let headerSize = reader.readVarint(), headerSize <= size
            else { return nil }
            self.flags = Flags(rawValue: flags)
            self.size = Int(size)
            self.headerSize = Int(headerSize)
            if self.flags.contains(.hasDate) {
                guard let seconds = reader.readVarint(), let zone = reader.readVarint() else { return nil }
                let minutes = MessageCache.unzigzag(zone)
                guard (-1439...1439).contains(minutes) else { return nil }
                self.sentDate = MessageDate(
                    secondsSince1970: MessageCache.unzigzag(seconds), zoneOffsetMinutes: Int(minutes))
            } else {
                self.sentDate = nil
            }
            guard let envelope = Self.readCounted(&reader), let structure = Self.readCounted(&reader),
                let count = reader.readVarint(), count <= UInt64(reader.remaining)
            else { return nil }
            self.envelopeOctets = envelope
            self.structureOctets = structure
            self.extensionCount = Int(count)
            let start = reader.offset
            var position: UInt64 = 0
            for _ in 0..<count {
                guard let gap = reader.readVarint(), let length = reader.readVarint(),
                    gap <= UInt64(structure.count), length <= UInt64(structure.count)
                else { return nil }
                position += gap + length
                guard position <= UInt64(structure.count) else { return nil }
            }
            self.extensionOctets = UnsafeRawBufferPointer(rebasing: blob[start..<reader.offset])
            guard let table = Self.readCounted(&reader), let notCached = reader.readVarint(),
                let fields = Self.readCounted(&reader), let preview = Self.readCounted(&reader),
                let references = reader.readVarint(), references <= UInt64(reader.remaining)
            else { return nil }
            self.tableOctets = table
            self.notCached = notCached
            self.fields = fields
            self.preview = preview
            self.referenceCount = Int(references)
            self.referenceOctets = UnsafeRawBufferPointer(rebasing: blob[reader.offset...])
        }

        @inline(__always)
        private static func readCounted(_ reader: inout ByteReader) -> UnsafeRawBufferPointer? {
            guard let count = reader.readVarint(), count <= UInt64(reader.remaining) else { return nil }
            return reader.readBytes(Int(count))
        }

        /// ENVELOPE in wire form, US-ASCII; `nil` when it was too large to keep.
        public var envelope: UnsafeRawBufferPointer? {
            self.envelopeOctets.isEmpty ? nil : self.envelopeOctets
        }

        /// BODYSTRUCTURE in wire form, US-ASCII; `nil` when it was too large to keep.
        public var bodyStructure: UnsafeRawBufferPointer? {
            self.structureOctets.isEmpty ? nil : self.structureOctets
        }

        /// Appends BODY in wire form. `false`, with nothing appended, when it was too large to keep.
        public func appendBody(to out: inout [UInt8]) -> Bool {
            guard !self.structureOctets.isEmpty else { return false }
            var reader = ByteReader(self.extensionOctets)
            var rest = ByteReader(self.structureOctets)
            for _ in 0..<self.extensionCount {
                guard let gap = reader.readVarint(), let length = reader.readVarint(),
                    let kept = rest.readBytes(Int(gap)), rest.readBytes(Int(length)) != nil
                else { return false }
                out.append(contentsOf: kept)
            }
            if let kept = rest.readBytes(rest.remaining) { out.append(contentsOf: kept) }
            return true
        }

        /// BODY in wire form; `nil` when it was too large to keep.
        public var body: [UInt8]? {
            var out: [UInt8] = []
            return self.appendBody(to: &out) ? out : nil
        }

        /// The part table, decoded; `nil` when it was too large to keep or is damaged.
        public var parts: PartTable? {
            var reader = ByteReader(self.tableOctets)
            return PartTable(from: &reader, messageSize: self.size)
        }

        /// Whether BODYSTRUCTURE for UTF8=ACCEPT may differ: where it has encoded words, RFC 2231 values or a message
        /// inside, which can be a message/global.
        public var mayHaveUTF8Structure: Bool {
            let octets = Octets(self.structureOctets)
            var position = 0
            while let quote = octets.index(of: UInt8(ascii: "\""), from: position) {
                let before = octets[quote - 1]
                let after = octets[quote + 1]
                if before == UInt8(ascii: "*") || before == UInt8(ascii: "=") { return true }
                if octets[quote + 1..<quote + 8].equals(lowercase: "rfc822\"") { return true }
                if after == UInt8(ascii: "="), octets[quote + 2] == UInt8(ascii: "?") { return true }
                position = quote + 1
            }
            return false
        }

        /// Whether the header has octets above 0x7F, so that the UTF-8 forms for UTF8=ACCEPT differ.
        public var hasEightBitHeader: Bool { self.flags.contains(.hasEightBitHeader) }

        /// Appends what `BODY[HEADER.FIELDS (...)]` answers: the fields as they stand, in their order, and
        /// the empty line. `false`, with nothing appended, when one of them is not cached: read the body.
        public func appendHeaderFields(_ wanted: CachedFields, to out: inout [UInt8]) -> Bool {
            guard wanted.isComplete, wanted.mask & self.notCached == 0 else { return false }
            let start = out.count
            let isWhole = self.forEachField { index, field in
                if wanted.mask >> UInt64(index) & 1 != 0 { out.append(contentsOf: field.buffer) }
            }
            guard isWhole else {
                out.removeLast(out.count - start)
                return false
            }
            if self.flags.contains(.hasEmptyLine) { out.append(contentsOf: [0x0D, 0x0A]) }
            return true
        }

        /// The bodies of the fields of that name, in any case, in their order; empty when the message has
        /// none, `nil` when they are not cached.
        public func fieldBodies(_ name: [UInt8]) -> [Octets]? {
            guard let wanted = name.withUnsafeBytes({ CachedFields.index(of: Octets($0)) }),
                self.notCached >> UInt64(wanted) & 1 == 0
            else { return nil }
            var bodies: [Octets] = []
            let isWhole = self.forEachField { index, field in
                guard index == wanted else { return }
                var scanner = HeaderScanner(field)
                if let place = scanner.next() { bodies.append(field[place.body]) }
            }
            return isWhole ? bodies : nil
        }

        /// The body of the first field of a name; empty when the message has none, `nil` when it is not cached.
        public func firstBody(_ wanted: CachedField) -> Octets? {
            guard self.notCached >> UInt64(wanted.rawValue) & 1 == 0 else { return nil }
            var body = Octets(UnsafeRawBufferPointer(start: nil, count: 0))
            var isFirst = true
            let isWhole = self.forEachField { index, field in
                guard index == wanted.rawValue, isFirst else { return }
                isFirst = false
                var scanner = HeaderScanner(field)
                if let place = scanner.next() { body = field[place.body] }
            }
            return isWhole ? body : nil
        }

        /// The message's own identifier without `<` and `>`; `nil` when there is none.
        public var messageID: [UInt8]? {
            self.firstBody(.messageID).flatMap(MessageIDs.first)
        }

        /// The identifiers of the messages this one answers, the oldest first, without `<` and `>`: from
        /// `References`, else from `In-Reply-To`. At most `maximum`.
        public func references(maximum: Int = 64) -> [[UInt8]] {
            guard self.referenceCount == 0 else { return self.storedReferences() }
            if let field = self.firstBody(.references) {
                let ids = MessageIDs.all(in: field, maximum: maximum)
                if !ids.isEmpty { return ids }
            }
            return self.firstBody(.inReplyTo).flatMap(MessageIDs.first).map { [$0] } ?? []
        }

        /// The identifier of the message that began this one's thread: the first of `References`, else of
        /// `In-Reply-To`, else its own; `nil` when there is none of them.
        public var threadRoot: [UInt8]? { self.references(maximum: 1).first ?? self.messageID }

        private func storedReferences() -> [[UInt8]] {
            var reader = ByteReader(self.referenceOctets)
            var ids: [[UInt8]] = []
            for _ in 0..<self.referenceCount {
                guard let id = Self.readCounted(&reader) else { break }
                ids.append(Array(id))
            }
            return ids
        }

        /// The base subject of SORT and THREAD (RFC 5256 section 2.1); `nil` when it is not cached.
        public func baseSubject(converter: CharsetConverter = .builtIn) -> (subject: [UInt8], isReply: Bool)? {
            self.firstBody(.subject).map { BaseSubject.extract($0, converter: converter) }
        }

        /// `false` when the fields are damaged.
        private func forEachField(_ body: (Int, Octets) -> Void) -> Bool {
            var reader = ByteReader(self.fields)
            while reader.remaining > 0 {
                guard let index = reader.readLittleEndian(UInt8.self), index < 64,
                    let field = Self.readCounted(&reader)
                else { return false }
                body(Int(index), Octets(field))
            }
            return true
        }
    }
}
