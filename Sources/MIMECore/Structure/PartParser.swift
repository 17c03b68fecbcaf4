import MailCore

/// Finds the parts of a message in one pass over its lines (RFC 2046 section 5.1).
///
/// Depth is a stack, not recursion. A line can only be a boundary when it begins with `--`, and then costs
/// a comparison with each open multipart, of which there are at most `maximumDepth`.
struct PartParser {
    private struct Container {
        var part: Int
        /// `--` and the boundary. Empty for a message/rfc822, and for a multipart whose end was seen.
        var delimiter: [UInt8]
        var isDigest: Bool
        var lastChild: Int
        /// LFs of the message before the body.
        var linesBefore: Int
    }

    private enum Stop {
        /// A boundary line of `open[level]`.
        case boundary(level: Int, isClosing: Bool)
        case end
    }

    private let octets: Octets
    private let limits: PartTable.Limits
    private var parts: [Part] = []
    private var open: [Container] = []
    /// How many containers have a delimiter.
    private var activeDelimiters = 0
    /// Always at the start of a line.
    private var position = 0
    /// LFs before `position`.
    private var lines = 0

    init(_ octets: Octets, limits: PartTable.Limits) {
        self.octets = octets
        self.limits = limits
    }

    mutating func parse() -> [Part] {
        var pending: (parent: Int, isDigest: Bool)? = (-1, false)
        while true {
            var leaf = -1
            var leafLines = 0
            var stop: Stop?
            while let (parent, isDigest) = pending {
                pending = nil
                (leaf, stop) = self.beginPart(parent: parent, isDigest: isDigest)
                leafLines = self.lines
                if stop == nil, let opened = self.open.last, opened.part == leaf,
                    self.parts[leaf].kind == .message
                {
                    pending = (leaf, false)
                }
            }
            let found = stop ?? self.findStop()
            switch found {
            case .end:
                self.close(leaf: leaf, linesBefore: leafLines, end: self.octets.count, lines: self.lines)
                while let container = self.open.popLast() {
                    self.end(container, at: self.octets.count, lines: self.lines)
                }
                return self.parts
            case .boundary(let level, let isClosing):
                let (end, linesAtEnd) = self.endBeforeBoundary()
                self.close(leaf: leaf, linesBefore: leafLines, end: end, lines: linesAtEnd)
                while self.open.count > level + 1, let container = self.open.popLast() {
                    if !container.delimiter.isEmpty { self.activeDelimiters -= 1 }
                    self.end(container, at: end, lines: linesAtEnd)
                }
                self.skipLine()
                if isClosing {
                    self.open[level].delimiter = []
                    self.activeDelimiters -= 1
                } else if self.octets[self.position - 1] == 0x0A {
                    pending = (self.open[level].part, self.open[level].isDigest)
                } else {
                    // A message that ends within the boundary's line has no part behind it.
                    self.open[level].delimiter = []
                    self.activeDelimiters -= 1
                }
            }
        }
    }

    /// Reads a header and enters the part; pushes it when it contains others. Answers what ended the part
    /// already within its header, if anything.
    private mutating func beginPart(parent: Int, isDigest: Bool) -> (Int, Stop?) {
        let index = self.parts.count
        let start = self.position
        let isLast = index + 1 >= self.limits.maximumParts
        if isLast {
            // The rest of the message belongs to this part, whatever boundaries follow.
            for level in self.open.indices { self.open[level].delimiter = [] }
            self.activeDelimiters = 0
        }
        var stop: Stop?
        var hasEmptyLine = false
        while self.position < self.octets.count {
            let first = self.octets[self.position]
            if first == 0x0A || (first == 0x0D && self.octets[self.position + 1] == 0x0A) {
                self.skipLine()
                hasEmptyLine = true
                break
            }
            if let found = self.boundaryHere() {
                stop = found
                break
            }
            self.skipLine()
        }
        if !hasEmptyLine, stop == nil { stop = .end }

        let header = self.octets[start..<self.position]
        let fields = ContentFields(header)
        let type = fields.type.flatMap(MIMEValue.contentType)
        let depth = parent < 0 ? 0 : Int(self.parts[parent].depth) + 1
        var part = Part(
            kind: .text, encoding: TransferEncoding(fields.transferEncoding),
            parent: Int32(truncatingIfNeeded: parent), depth: UInt16(truncatingIfNeeded: depth),
            hasEmptyLine: hasEmptyLine, headerStart: start, bodyStart: self.position,
            bodyEnd: self.position)
        let delimiter = Self.classify(type, hasField: fields.type != nil, isDigest: isDigest, into: &part)
        let contains = part.kind == .multipart || part.kind == .message
        if contains, isLast || depth >= self.limits.maximumDepth { part.kind = .opaque }
        self.parts.append(part)
        if parent >= 0, let level = self.open.lastIndex(where: { $0.part == parent }) {
            if self.open[level].lastChild < 0 {
                self.parts[parent].firstChild = Int32(truncatingIfNeeded: index)
            } else {
                self.parts[self.open[level].lastChild].nextSibling = Int32(truncatingIfNeeded: index)
            }
            self.open[level].lastChild = index
        }
        if self.parts[index].kind == .message, stop != nil {
            // It ended within its own header: the message inside is empty, but it is there, so that
            // BODYSTRUCTURE can show its envelope.
            self.appendEmptyMessage(in: index)
        } else if self.parts[index].kind == .multipart || self.parts[index].kind == .message {
            self.open.append(
                Container(
                    part: index, delimiter: delimiter, isDigest: Self.isDigest(type), lastChild: -1,
                    linesBefore: self.lines))
            if !delimiter.isEmpty { self.activeDelimiters += 1 }
        }
        return (index, stop)
    }

    private mutating func appendEmptyMessage(in index: Int) {
        let child = Part(
            kind: .text, encoding: .sevenBit, parent: Int32(truncatingIfNeeded: index),
            depth: self.parts[index].depth + 1, hasEmptyLine: false, headerStart: self.position,
            bodyStart: self.position, bodyEnd: self.position)
        self.parts[index].firstChild = Int32(truncatingIfNeeded: self.parts.count)
        self.parts.append(child)
    }

    /// Sets the part's kind; answers the delimiter of a multipart.
    private static func classify(
        _ type: MIMEValue?, hasField: Bool, isDigest: Bool, into part: inout Part
    ) -> [UInt8] {
        guard let type else {
            // Parts of a multipart/digest are messages by default (RFC 2046 section 5.1.5).
            part.kind = isDigest && !hasField ? .message : .text
            return []
        }
        return type.value.withUnsafeBytes { bytes in
            let value = Octets(bytes)
            if value.equals(lowercase: "text") {
                part.kind = .text
            } else if value.equals(lowercase: "multipart") {
                // Without a boundary the field is invalid, and the default is text (RFC 2045 section 5.2).
                part.kind = .text
                guard let boundary = type.parameter("boundary")?.value, !boundary.isEmpty else { return [] }
                part.kind = .multipart
                return [0x2D, 0x2D] + boundary.prefix(1000)
            } else if value.equals(lowercase: "message"),
                type.subtype.map({ ASCII.equalsIgnoringCase($0, "rfc822".utf8) }) == true
                    || type.isGlobalMessage && part.encoding != .base64 && part.encoding != .quotedPrintable
            {
                part.kind = .message
            } else {
                part.kind = .basic
            }
            return []
        }
    }

    private static func isDigest(_ type: MIMEValue?) -> Bool {
        guard let type, let subtype = type.subtype else { return false }
        return ASCII.equalsIgnoringCase(type.value, "multipart".utf8)
            && ASCII.equalsIgnoringCase(subtype, "digest".utf8)
    }

    /// Goes on to the next boundary line of an open multipart, or to the end.
    private mutating func findStop() -> Stop {
        guard self.activeDelimiters > 0 else {
            self.lines += self.octets[self.position..<self.octets.count].lineCount
            self.position = self.octets.count
            return .end
        }
        while self.position < self.octets.count {
            if let stop = self.boundaryHere() { return stop }
            self.skipLine()
        }
        return .end
    }

    private mutating func skipLine() {
        self.position = self.octets.endOfLine(from: self.position)
        if self.octets[self.position - 1] == 0x0A { self.lines += 1 }
    }

    /// The multipart whose boundary the line at `position` is.
    ///
    /// A line that begins with the boundary is enough (RFC 2046 section 5.1.1); so of nested boundaries
    /// where one is the beginning of the other the longer one is meant, and of equal ones the innermost.
    private func boundaryHere() -> Stop? {
        guard self.activeDelimiters > 0, self.octets[self.position] == 0x2D,
            self.octets[self.position + 1] == 0x2D
        else { return nil }
        var best = -1
        var length = 0
        for level in self.open.indices.reversed() {
            let delimiter = self.open[level].delimiter
            if delimiter.count > length, self.octets.hasPrefix(delimiter, at: self.position) {
                best = level
                length = delimiter.count
            }
        }
        guard best >= 0 else { return nil }
        let after = self.position + length
        return .boundary(
            level: best, isClosing: self.octets[after] == 0x2D && self.octets[after + 1] == 0x2D)
    }

    /// Where a body ends whose boundary line is at `position`: before the line end that belongs to it.
    private func endBeforeBoundary() -> (end: Int, lines: Int) {
        guard self.octets[self.position - 1] == 0x0A else { return (self.position, self.lines) }
        let end = self.octets[self.position - 2] == 0x0D ? self.position - 2 : self.position - 1
        return (end, self.lines - 1)
    }

    private mutating func close(leaf: Int, linesBefore: Int, end: Int, lines: Int) {
        guard leaf >= 0, self.open.last?.part != leaf else { return }
        self.setEnd(leaf, end, linesBefore: linesBefore, lines: lines)
        let child = Int(self.parts[leaf].firstChild)
        if child >= 0 { self.setEnd(child, end, linesBefore: 0, lines: 0) }
    }

    private mutating func end(_ container: Container, at end: Int, lines: Int) {
        self.setEnd(container.part, end, linesBefore: container.linesBefore, lines: lines)
        if self.parts[container.part].kind == .multipart, container.lastChild < 0 {
            self.appendEmptyPart(in: container.part)
        }
    }

    /// The one part of a multipart that has none: BODYSTRUCTURE must show one (body-type-mpart of RFC 9051
    /// section 9), and what it shows can be fetched.
    private mutating func appendEmptyPart(in index: Int) {
        let place = self.parts[index].bodyEnd
        let child = Part(
            kind: .text, encoding: .sevenBit, parent: Int32(truncatingIfNeeded: index),
            depth: self.parts[index].depth + 1, hasEmptyLine: false, headerStart: place, bodyStart: place,
            bodyEnd: place)
        self.parts[index].firstChild = Int32(truncatingIfNeeded: self.parts.count)
        self.parts.append(child)
    }

    private mutating func setEnd(_ index: Int, _ end: Int, linesBefore: Int, lines: Int) {
        if end < self.parts[index].bodyStart {
            // A boundary within the header or right after it: the line end before it is the boundary's
            // (RFC 2046 section 5.1.1), so that the header has no empty line.
            self.parts[index].hasEmptyLine = false
            self.parts[index].headerStart = Swift.min(self.parts[index].headerStart, end)
            self.parts[index].bodyStart = end
        }
        self.parts[index].bodyEnd = end
        let isEmpty = end == self.parts[index].bodyStart
        self.parts[index].lineCount = isEmpty ? 0 : Swift.max(0, lines - linesBefore)
    }
}
