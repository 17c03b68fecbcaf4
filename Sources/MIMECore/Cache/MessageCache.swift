import MailCore

/// What the store keeps of each message at delivery so that lists are filled without opening it.
///
/// A blob is self-contained and versioned; all integers are LEB128 varints unless noted:
///
///     octet version (1) | octet flags | size | header size
///     [zigzag seconds | zigzag zone minutes]                       if flag hasDate
///     length + ENVELOPE | length + BODYSTRUCTURE
///     count + (gap, length)*          where BODYSTRUCTURE has extension data: without them it is BODY
///     length + part table
///     mask of field names not cached | length + (octet name, length + field octets)*
///     length + preview | count + (length + message-id)*
///
/// The message-ids are those of `References` (else `In-Reply-To`) and only there when these fields were too
/// long to cache. A wire form or table over its limit is kept as length 0.
public enum MessageCache {
    static let version: UInt8 = 1

    struct Flags: OptionSet {
        let rawValue: UInt8
        static let hasDate = Flags(rawValue: 1)
        /// The header ends with an empty line.
        static let hasEmptyLine = Flags(rawValue: 2)
        static let hasEightBitHeader = Flags(rawValue: 4)
    }

    /// What a blob may hold, in octets.
    public struct Limits: Sendable {
        public var parts: PartTable.Limits
        /// One header field. A name with a longer one is not cached.
        public var maximumField: Int
        /// All cached header fields.
        public var maximumFields: Int
        /// ENVELOPE, BODYSTRUCTURE and part table, each.
        public var maximumWireForm: Int
        /// Message-ids kept of a `References` that is over `maximumField`.
        public var maximumReferences: Int

        public init(
            parts: PartTable.Limits = PartTable.Limits(), maximumField: Int = 4096,
            maximumFields: Int = 16 * 1024, maximumWireForm: Int = 64 * 1024, maximumReferences: Int = 64
        ) {
            self.parts = parts
            self.maximumField = maximumField
            self.maximumFields = maximumFields
            self.maximumWireForm = maximumWireForm
            self.maximumReferences = maximumReferences
        }
    }

    /// Parses a whole message and answers its blob. Any octets are a message.
    public static func build(
        from message: UnsafeRawBufferPointer, limits: Limits = Limits(),
        converter: CharsetConverter = .builtIn
    ) -> [UInt8] {
        let table = PartTable(message, limits: limits.parts)
        return self.build(from: message, table: table, limits: limits, converter: converter)
    }

    /// The same with a part table that is already there.
    public static func build(
        from message: UnsafeRawBufferPointer, table: PartTable, limits: Limits = Limits(),
        converter: CharsetConverter = .builtIn
    ) -> [UInt8] {
        let octets = Octets(message)
        let header = octets[table.root.header]
        let fields = self.collectFields(header, limits: limits)

        var flags: Flags = []
        if table.root.hasEmptyLine { flags.insert(.hasEmptyLine) }
        if header.containsEightBit { flags.insert(.hasEightBitHeader) }
        if fields.date != nil { flags.insert(.hasDate) }

        var out: [UInt8] = [Self.version, flags.rawValue]
        out.reserveCapacity(fields.octets.count + 2048)
        out.appendVarint(UInt64(message.count))
        out.appendVarint(UInt64(header.count))
        if let date = fields.date {
            out.appendVarint(Self.zigzag(date.secondsSince1970))
            out.appendVarint(Self.zigzag(Int64(date.zoneOffsetMinutes)))
        }

        var scratch: [UInt8] = []
        Envelope.append(header, to: &scratch)
        self.appendBounded(scratch, limits.maximumWireForm, to: &out)
        scratch.removeAll(keepingCapacity: true)
        let extensions = BodyStructure.appendMarked(octets, table, charset: .ascii, to: &scratch)
        if self.appendBounded(scratch, limits.maximumWireForm, to: &out) {
            out.appendVarint(UInt64(extensions.count))
            var position = 0
            for range in extensions {
                out.appendVarint(UInt64(range.lowerBound - position))
                out.appendVarint(UInt64(range.count))
                position = range.upperBound
            }
        } else {
            out.appendVarint(0)
        }
        scratch.removeAll(keepingCapacity: true)
        table.encode(into: &scratch)
        self.appendBounded(scratch, limits.maximumWireForm, to: &out)

        out.appendVarint(fields.notCached)
        out.appendVarint(UInt64(fields.octets.count))
        out.append(contentsOf: fields.octets)

        let preview = Preview.make(message, table, converter: converter)
        out.appendVarint(UInt64(preview.count))
        out.append(contentsOf: preview)

        let references =
            fields.needsReferences
            ? self.boundedReferences(header, maximum: limits.maximumReferences) : []
        out.appendVarint(UInt64(references.count))
        for id in references {
            out.appendVarint(UInt64(id.count))
            out.append(contentsOf: id)
        }
        return out
    }

    private struct CollectedFields {
        var octets: [UInt8] = []
        var notCached: UInt64 = 0
        var date: MessageDate?
        var needsReferences = false
    }

    private static func collectFields(_ header: Octets, limits: Limits) -> CollectedFields {
        var found = CollectedFields()
        var hasDateField = false
        for field in HeaderScanner(header) {
            guard !field.name.isEmpty, let index = CachedFields.index(of: header[field.name]) else { continue }
            if !hasDateField, header[field.name].equals(lowercase: "date") {
                hasDateField = true
                found.date = MessageDate(parsing: header[field.body])
            }
            if field.range.count > limits.maximumField
                || found.octets.count + field.range.count > limits.maximumFields
            {
                found.notCached |= 1 << UInt64(index)
                if header[field.name].equals(lowercase: "references")
                    || header[field.name].equals(lowercase: "in-reply-to")
                {
                    found.needsReferences = true
                }
                continue
            }
            found.octets.append(UInt8(truncatingIfNeeded: index))
            found.octets.appendVarint(UInt64(field.range.count))
            found.octets.append(contentsOf: header[field.range].buffer)
        }
        return found
    }

    /// The identifiers a thread is built from: those of `References`, else the first of `In-Reply-To`
    /// (RFC 5256 section 3, REFERENCES step 1). At most 8 KiB of them.
    static func boundedReferences(_ header: Octets, maximum: Int) -> [[UInt8]] {
        var ids: [[UInt8]] = []
        var reply: [UInt8]?
        for field in HeaderScanner(header) {
            if ids.isEmpty, header[field.name].equals(lowercase: "references") {
                ids = MessageIDs.all(in: header[field.body], maximum: maximum)
            } else if reply == nil, header[field.name].equals(lowercase: "in-reply-to") {
                reply = MessageIDs.first(in: header[field.body])
            }
        }
        if ids.isEmpty, let reply { ids = [reply] }
        var total = 0
        for id in ids { total += id.count }
        while total > 8192, ids.count > 1 { total -= ids.remove(at: 1).count }
        return ids
    }

    @discardableResult
    private static func appendBounded(_ octets: [UInt8], _ maximum: Int, to out: inout [UInt8]) -> Bool {
        guard octets.count <= maximum else {
            out.appendVarint(0)
            return false
        }
        out.appendVarint(UInt64(octets.count))
        out.append(contentsOf: octets)
        return true
    }

    static func zigzag(_ value: Int64) -> UInt64 { UInt64(bitPattern: value << 1 ^ value >> 63) }

    static func unzigzag(_ value: UInt64) -> Int64 {
        Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }
}
