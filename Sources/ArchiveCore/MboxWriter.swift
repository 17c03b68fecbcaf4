public import MailCore

/// Writes messages as an mbox file, with LF, quoted as mboxrd, flags in Status, X-Status and X-Keywords.
public struct MboxWriter: Sendable {
    private enum Phase: Sendable {
        case between
        case header
        case body
    }

    private var phase = Phase.between
    private var flags: MessageFlags = []
    private var keywords: [Keyword] = []
    private var header: [UInt8] = []
    /// `>` at the beginning of a line, and what may become `From `.
    private var line: [UInt8] = []
    private var isInLine = false
    private var endsInReturn = false
    private var endsInFeed = true

    public init() {}

    /// Begins a message.
    public mutating func begin(date: Int64, flags: MessageFlags, keywords: [Keyword], into out: inout [UInt8]) {
        out += MboxSeparator.line(date)
        self.flags = flags
        self.keywords = keywords
        self.phase = .header
        self.isInLine = false
        self.endsInReturn = false
        self.endsInFeed = true
    }

    /// Octets of the message, with any line ends.
    public mutating func append(_ bytes: [UInt8], into out: inout [UInt8]) {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count + 1)
        for byte in bytes {
            // A CR stays where no LF follows.
            if self.endsInReturn, byte != 0x0A { text.append(0x0D) }
            self.endsInReturn = byte == 0x0D
            if !self.endsInReturn { text.append(byte) }
        }
        guard case .header = self.phase else {
            self.quote(text[...], into: &out)
            return
        }
        self.header += text
        if let end = Self.endOfHeader(self.header) {
            let rest = self.header[end...]
            self.header.removeLast(rest.count)
            let body = Array(rest)
            self.writeHeader(into: &out)
            self.quote(body[...], into: &out)
        } else if self.header.count > MboxParser.maximumHeader {
            self.writeHeader(into: &out)
        }
    }

    /// Ends the message.
    public mutating func end(into out: inout [UInt8]) {
        if case .header = self.phase {
            if self.endsInReturn { self.header.append(0x0D) }
            self.writeHeader(into: &out)
        } else if self.endsInReturn {
            self.quote([0x0D], into: &out)
        }
        out += self.line
        self.line = []
        out += self.endsInFeed ? [0x0A] : [0x0A, 0x0A]
        self.phase = .between
    }

    /// Where the empty line begins, to readers of the file: what is left of CR CR LF is one, too.
    private static func endOfHeader(_ header: [UInt8]) -> Int? {
        var start = 0
        while start < header.count {
            let line = header[start...]
            if line.starts(with: [0x0A]) || line.starts(with: [0x0D, 0x0A]) { return start }
            guard let feed = line.firstIndex(of: 0x0A) else { return nil }
            start = feed + 1
        }
        return nil
    }

    private mutating func writeHeader(into out: inout [UInt8]) {
        self.phase = .body
        var fields = MboxFields()
        let header = fields.take(from: self.header)
        self.header = []
        let end = Self.endOfWholeFields(header)
        self.quote(header[..<end], into: &out)
        out += MboxFields.lines(self.flags, self.keywords)
        self.quote(header[end...], into: &out)
    }

    /// Where flags may stand: behind the last line, or before a field that has no end here. Behind that they would part the
    /// field, and a lone CR with an LF behind it would be the end of the header.
    private static func endOfWholeFields(_ header: [UInt8]) -> Int {
        guard let last = header.last, last != 0x0A else { return header.count }
        var end = header.count
        while let feed = header[..<end].lastIndex(of: 0x0A) {
            let next = header[feed + 1]
            if next != 0x20, next != 0x09 { return feed + 1 }
            end = feed
        }
        return 0
    }

    private mutating func quote(_ text: ArraySlice<UInt8>, into out: inout [UInt8]) {
        for byte in text {
            self.endsInFeed = byte == 0x0A
            if self.isInLine {
                out.append(byte)
                if byte == 0x0A { self.isInLine = false }
                continue
            }
            self.line.append(byte)
            let marks = self.line.prefix { $0 == 0x3E }.count
            let rest = self.line[marks...]
            // More of them than anybody quotes are no reason to hold a line back.
            if rest.elementsEqual("From ".utf8) {
                out.append(0x3E)
            } else if rest.count < 5, marks < 1024, rest.elementsEqual("From ".utf8.prefix(rest.count)) {
                continue
            }
            out += self.line
            self.isInLine = byte != 0x0A
            self.line = []
        }
    }
}
