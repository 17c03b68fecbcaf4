public import MailCore

/// One entity of a message: the message itself, a body part, or the message inside a message/rfc822.
public struct Part: Equatable, Sendable {
    /// What is in it, as far as the tree depends on it.
    public enum Kind: UInt8, Sendable {
        /// text/*, no `Content-Type`, or one that means nothing (RFC 2045 section 5.2).
        case text
        case basic
        case multipart
        /// message/rfc822: its one child is the message inside.
        case message
        /// Shown as application/octet-stream: what lies beyond the limits on depth and parts.
        case opaque
    }

    public var kind: Kind
    public var encoding: TransferEncoding
    /// -1 for the message itself.
    public var parent: Int32
    /// -1 without children.
    public var firstChild: Int32 = -1
    /// -1 for the last child.
    public var nextSibling: Int32 = -1
    /// 0 for the message itself.
    public var depth: UInt16
    /// Whether the header ends with an empty line; it does not where the part ends within the header.
    public var hasEmptyLine = true
    /// Offsets in the message. The header has its empty line; the body lacks the line end that belongs to
    /// the boundary after it.
    public var headerStart: Int
    public var bodyStart: Int
    public var bodyEnd: Int
    /// LFs in the body.
    public var lineCount = 0

    public var header: Range<Int> { self.headerStart..<Swift.max(self.headerStart, self.bodyStart) }
    public var body: Range<Int> { self.bodyStart..<Swift.max(self.bodyStart, self.bodyEnd) }
}

/// The MIME structure of a message: its parts in the order in which they begin, the message itself first.
public struct PartTable: Equatable, Sendable {
    /// Never empty.
    public internal(set) var parts: [Part]

    /// What a message may cost.
    public struct Limits: Sendable {
        /// Parts inside parts; deeper ones are opaque. At most 250.
        public var maximumDepth: Int
        /// Parts in all; the last one takes the rest of the message.
        public var maximumParts: Int

        public init(maximumDepth: Int = 100, maximumParts: Int = 10_000) {
            self.maximumDepth = Swift.max(1, Swift.min(250, maximumDepth))
            self.maximumParts = Swift.max(1, Swift.min(1_000_000, maximumParts))
        }
    }

    /// Parses a whole message in one pass; any octets are a message. Time is linear in its size.
    public init(_ message: UnsafeRawBufferPointer, limits: Limits = Limits()) {
        var parser = PartParser(Octets(message), limits: limits)
        self.parts = parser.parse()
    }

    init(parts: [Part]) { self.parts = parts }

    public var root: Part { self.parts[0] }

    /// The indices of a part's children, in order.
    public func children(of index: Int) -> [Int] {
        guard self.parts.indices.contains(index) else { return [] }
        var out: [Int] = []
        var child = Int(self.parts[index].firstChild)
        while child >= 0 {
            out.append(child)
            child = Int(self.parts[child].nextSibling)
        }
        return out
    }

    /// Whether a part is a message, the whole one or one in a message/rfc822, not a part of a multipart.
    func isMessage(_ part: Part) -> Bool {
        part.parent < 0 || self.parts[Int(part.parent)].kind != .multipart
    }

    // MARK: Serialized form

    /// Appends the table: a varint count, then for each part varints: kind and flags, parent distance,
    /// header start after the parent's, header length, body length, lines.
    public func encode(into out: inout [UInt8]) {
        out.appendVarint(UInt64(self.parts.count))
        for (index, part) in self.parts.enumerated() {
            out.append(part.kind.rawValue | part.encoding.rawValue << 3 | (part.hasEmptyLine ? 0x40 : 0))
            let parentStart = part.parent < 0 ? 0 : self.parts[Int(part.parent)].headerStart
            out.appendVarint(UInt64(index - Int(part.parent) - 1))
            out.appendVarint(UInt64(Swift.max(0, part.headerStart - parentStart)))
            out.appendVarint(UInt64(part.header.count))
            out.appendVarint(UInt64(part.body.count))
            out.appendVarint(UInt64(Swift.max(0, part.lineCount)))
        }
    }

    /// Reads what `encode` wrote. `nil` when damaged: every answer is a proper tree whose ranges lie within
    /// `messageSize`.
    public init?(from reader: inout ByteReader, messageSize: Int) {
        guard let count = reader.readVarint(), count > 0, count <= UInt64(reader.remaining) else { return nil }
        var parts: [Part] = []
        parts.reserveCapacity(Int(count))
        var lastChild = [Int32](repeating: -1, count: Int(count))
        func number(_ reader: inout ByteReader) -> Int? {
            reader.readVarint().flatMap { Int(exactly: $0) }.flatMap { $0 <= messageSize ? $0 : nil }
        }
        for index in 0..<Int(count) {
            guard let octet = reader.readLittleEndian(UInt8.self), let kind = Part.Kind(rawValue: octet & 7),
                let encoding = TransferEncoding(rawValue: octet >> 3 & 7),
                let distance = reader.readVarint(), distance <= UInt64(index),
                let start = number(&reader), let header = number(&reader), let body = number(&reader),
                let lines = number(&reader)
            else { return nil }
            let parent = index - Int(distance) - 1
            guard (parent < 0) == (index == 0) else { return nil }
            let headerStart = (parent < 0 ? 0 : parts[parent].headerStart) + start
            guard headerStart <= messageSize, header <= messageSize - headerStart,
                body <= messageSize - headerStart - header
            else { return nil }
            var part = Part(
                kind: kind, encoding: encoding, parent: Int32(truncatingIfNeeded: parent), depth: 0,
                hasEmptyLine: octet & 0x40 != 0, headerStart: headerStart,
                bodyStart: headerStart + header, bodyEnd: headerStart + header + body, lineCount: lines)
            if parent >= 0 {
                guard parts[parent].depth < 250 else { return nil }
                part.depth = parts[parent].depth + 1
                switch parts[parent].kind {
                case .multipart: break
                case .message: guard lastChild[parent] < 0 else { return nil }
                case .text, .basic, .opaque: return nil
                }
                if lastChild[parent] < 0 {
                    parts[parent].firstChild = Int32(truncatingIfNeeded: index)
                } else {
                    parts[Int(lastChild[parent])].nextSibling = Int32(truncatingIfNeeded: index)
                }
                lastChild[parent] = Int32(truncatingIfNeeded: index)
            }
            parts.append(part)
        }
        self.parts = parts
    }
}
