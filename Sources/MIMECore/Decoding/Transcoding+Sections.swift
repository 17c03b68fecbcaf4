extension Transcoding {
    /// A part without its transfer encoding, or with an empty path the whole message (RFC 3516 section 4.3). `nil`
    /// when the message has no such part.
    ///
    /// Of a message or multipart, the bodies inside are decoded and their headers say so (`binary`); one that cannot
    /// be decoded stays as it is. Of a single part, that is a failure. Time is linear in the section's size.
    public static func decoded(
        _ path: [Int], of message: UnsafeRawBufferPointer, _ table: PartTable
    ) throws(Failure) -> Transcoding? {
        guard let target = Section.resolve(path, in: table) else { return nil }
        let octets = Octets(message)
        let part = table.parts[target]
        var result = Transcoding()
        guard part.firstChild < 0 else {
            result.copyDecoded(path.isEmpty ? octets.all : part.body, below: target, octets, table)
            return result
        }
        let start = path.isEmpty ? 0 : part.bodyStart
        switch part.effectiveEncoding {
        case .sevenBit, .eightBit, .binary:
            result.copy(start..<part.body.upperBound, of: octets)
        case .quotedPrintable, .base64:
            guard let measure = Self.measure(octets[part.body], part.encoding) else { throw .damaged }
            if path.isEmpty, part.hasEmptyLine {
                result.copyHeader(part, encoding: "binary", from: 0, octets)
            } else if path.isEmpty {
                result.copy(part.header, of: octets)
            }
            result.decode(part.body, part.encoding, measure)
        case .unknown:
            throw .unknownEncoding
        }
        return result
    }

    /// Copies `range`, which holds the parts below `target`, with their bodies decoded.
    private mutating func copyDecoded(
        _ range: Range<Int>, below target: Int, _ message: Octets, _ table: PartTable
    ) {
        var position = range.lowerBound
        for part in table.parts[(target + 1)...] {
            // Parts stand in the order in which they begin.
            guard part.depth > table.parts[target].depth else { break }
            guard part.firstChild < 0, part.hasEmptyLine, part.headerStart >= position else { continue }
            switch part.effectiveEncoding {
            case .sevenBit, .eightBit, .binary, .unknown: continue
            case .quotedPrintable, .base64: break
            }
            guard let measure = Self.measure(message[part.body], part.encoding) else { continue }
            self.copyHeader(part, encoding: "binary", from: position, message)
            self.decode(part.body, part.encoding, measure)
            position = part.body.upperBound
        }
        self.copy(position..<Swift.max(position, range.upperBound), of: message)
    }

    /// Copies from `position` to the end of a part's header, which then names `encoding` in its last line, behind
    /// `further` lines.
    mutating func copyHeader(
        _ part: Part, further: [UInt8] = [], encoding: StaticString, from position: Int, _ message: Octets
    ) {
        var start = position
        var scanner = HeaderScanner(message, in: part.header)
        while let field = scanner.next() {
            guard message[field.name].equals(lowercase: "content-transfer-encoding") else { continue }
            self.copy(start..<field.range.lowerBound, of: message)
            start = field.range.upperBound
        }
        let emptyLine = part.header.upperBound - 1
        let hasCR = emptyLine > start && message[emptyLine - 1] == 0x0D
        let end = Swift.max(start, hasCR ? emptyLine - 1 : emptyLine)
        self.copy(start..<end, of: message)
        var line = further + Array("Content-Transfer-Encoding: ".utf8)
        line.append(
            contentsOf: UnsafeBufferPointer(start: encoding.utf8Start, count: encoding.utf8CodeUnitCount))
        line.append(contentsOf: [0x0D, 0x0A])
        self.append(line)
        self.copy(end..<part.header.upperBound, of: message)
    }
}

extension Transcoding {
    /// The message as it can be stored and sent as text: single parts with octets that lines of text cannot hold
    /// become base64. `nil` when there is none, so that the message can stay as it is but for its line ends.
    ///
    /// Such octets are NUL, and in a part that is declared `binary` also a CR or LF that stands alone. A message whose
    /// header is changed also gets the MIME-Version that it lacks.
    public static func storable(_ message: UnsafeRawBufferPointer, _ table: PartTable) -> Transcoding? {
        let octets = Octets(message)
        var result = Transcoding()
        var position = 0
        var isChanged = false
        for (index, part) in table.parts.enumerated() {
            guard part.hasEmptyLine, part.headerStart >= position else { continue }
            let encoding: StaticString
            if part.firstChild < 0 {
                guard Self.mustBeEncoded(octets[part.body], part.effectiveEncoding) else { continue }
                encoding = "base64"
                isChanged = true
            } else {
                guard part.encoding == .binary else { continue }
                encoding = "8bit"
            }
            // What a message without a version says of its encoding may be passed over (RFC 2045 section 4).
            let lacksVersion = table.isMessage(part) && !ContentFields(octets[part.header]).hasVersion
            result.copyHeader(
                part, further: lacksVersion ? Array("MIME-Version: 1.0\r\n".utf8) : [], encoding: encoding,
                from: position, octets)
            position = part.header.upperBound
            guard part.firstChild < 0 else { continue }
            result.encode(part.body)
            position = part.body.upperBound
            if index == 0 { result.append([0x0D, 0x0A]) }
        }
        guard isChanged else { return nil }
        result.copy(position..<octets.count, of: octets)
        return result
    }

    private static func mustBeEncoded(_ body: Octets, _ encoding: TransferEncoding) -> Bool {
        switch encoding {
        case .quotedPrintable, .base64, .unknown: return false
        case .sevenBit, .eightBit: return body.index(of: 0) != nil
        case .binary:
            if body.index(of: 0) != nil { return true }
            var previous: UInt8 = 0
            for byte in body.buffer {
                if (previous == 0x0D) != (byte == 0x0A) { return true }
                previous = byte
            }
            return previous == 0x0D
        }
    }
}

extension Part {
    /// How the body is encoded, as far as that is allowed: a multipart can have no encoding (RFC 2045 section 6.4).
    var effectiveEncoding: TransferEncoding { self.kind == .multipart ? .sevenBit : self.encoding }
}
