/// One header field's place in a message. All offsets count from the start of the scanned octets.
public struct HeaderField: Equatable, Sendable {
    /// The name before the colon without the white space that obsolete syntax allows there. Empty for a
    /// line that is no field: without a colon, or with nothing before it.
    public var name: Range<Int>
    /// What follows the colon, folds included, without the last line end.
    public var body: Range<Int>
    /// The whole field with folds and line ends.
    public var range: Range<Int>
}

/// Walks a header field by field up to the empty line (RFC 5322 section 2.2).
///
/// Lines end with CRLF or a bare LF; a lone CR is an ordinary octet. A line that is no field is answered
/// with an empty name, so that nothing is lost. Linear time, no memory.
public struct HeaderScanner: Sequence, IteratorProtocol {
    private let octets: Octets
    private let end: Int
    private var position: Int
    /// Where the body begins: after the empty line, or at the end of the scanned range when there is no
    /// empty line. Final once `next()` has answered `nil`.
    public private(set) var bodyStart: Int
    /// Whether the empty line was there. Final once `next()` has answered `nil`.
    public private(set) var hasEmptyLine = false
    private var isDone = false

    /// - Parameter range: where the header begins, and where it ends at the latest.
    public init(_ octets: Octets, in range: Range<Int>) {
        self.octets = octets
        self.position = Swift.max(0, range.lowerBound)
        self.end = Swift.min(octets.count, range.upperBound)
        self.bodyStart = self.end
    }

    public init(_ octets: Octets) { self.init(octets, in: octets.all) }

    /// The next field; `nil` at the end of the header.
    public mutating func next() -> HeaderField? {
        guard !self.isDone, self.position < self.end else {
            self.isDone = true
            return nil
        }
        let start = self.position
        let first = self.octets[start]
        if first == 0x0A || (first == 0x0D && self.octets[start + 1] == 0x0A && start + 1 < self.end) {
            self.isDone = true
            self.hasEmptyLine = true
            self.bodyStart = start + (first == 0x0A ? 1 : 2)
            return nil
        }
        let firstLineEnd = Swift.min(self.octets.endOfLine(from: start), self.end)
        var stop = firstLineEnd
        while stop < self.end, Self.isBlank(self.octets[stop]) {
            stop = Swift.min(self.octets.endOfLine(from: stop), self.end)
        }
        self.position = stop

        var bodyEnd = stop
        if bodyEnd > start, self.octets[bodyEnd - 1] == 0x0A {
            bodyEnd -= 1
            if bodyEnd > start, self.octets[bodyEnd - 1] == 0x0D { bodyEnd -= 1 }
        }
        var colon = start
        while colon < firstLineEnd, self.octets[colon] != 0x3A { colon += 1 }
        guard colon < firstLineEnd else {
            return HeaderField(name: start..<start, body: start..<bodyEnd, range: start..<stop)
        }
        var nameEnd = colon
        while nameEnd > start, Self.isBlank(self.octets[nameEnd - 1]) { nameEnd -= 1 }
        return HeaderField(
            name: start..<nameEnd, body: colon + 1..<Swift.max(colon + 1, bodyEnd), range: start..<stop)
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}

/// Forms of a header field's body.
public enum HeaderBody {
    /// Appends the body without its line ends and without leading and trailing white space
    /// (unfolding, RFC 5322 section 2.2.3). NUL and lone CR and LF are dropped too.
    public static func appendUnfolded(_ body: Octets, to out: inout [UInt8]) {
        var start = 0
        var end = body.count
        while start < end, isSpace(body[start]) { start += 1 }
        while end > start, isSpace(body[end - 1]) { end -= 1 }
        for byte in body[start..<end].buffer where byte != 0x0D && byte != 0x0A && byte != 0 {
            out.append(byte)
        }
    }

    /// The unfolded body. See `appendUnfolded`.
    public static func unfolded(_ body: Octets) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(body.count)
        self.appendUnfolded(body, to: &out)
        return out
    }

    /// Appends the body for a person to read: unfolded, each run of white space as one space.
    public static func appendCollapsed(_ body: Octets, to out: inout [UInt8]) {
        let start = out.count
        // It becomes no longer by this.
        out.append(contentsOf: repeatElement(0, count: body.count))
        let end = out.withUnsafeMutableBufferPointer { out in
            var end = start
            var isPending = false
            for byte in body.buffer where byte != 0 {
                if Self.isSpace(byte) {
                    isPending = end > start
                    continue
                }
                if isPending {
                    out[end] = 0x20
                    end &+= 1
                    isPending = false
                }
                out[end] = byte
                end &+= 1
            }
            return end
        }
        out.removeLast(out.count - end)
    }

    static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A
    }
}
