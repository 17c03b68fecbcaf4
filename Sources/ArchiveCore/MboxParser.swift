public import MailCore

/// Reads an mbox file from octets as they come. Memory is bounded whatever the file holds: a header up to
/// `maximumHeader`, and the beginning of a line.
///
/// A message begins at a line `From ` with a date. Lines that `quoting` says were quoted lose one `>`. The empty line
/// before the next message is the file's, not the message's. Fields of flags are taken out of the header.
public struct MboxParser: Sendable {
    /// Which lines got a `>` when the file was written.
    public enum Quoting: Sendable, Hashable {
        /// Those of any number of `>` and `From `; also right for files in which nothing was quoted twice.
        case rd
        /// Those that begin with `From `.
        case o
        case none
    }

    public enum Event: Sendable, Hashable {
        /// A message begins; `date` is that of its separator, seconds since 1970.
        case message(date: Int64, flags: MessageFlags, keywords: [Keyword])
        /// Octets of it, with the file's line ends.
        case octets([UInt8])
    }

    /// Octets of a header in which flags are looked for. What is behind is passed on as it is.
    public static let maximumHeader = 256 << 10
    /// Octets of a line that may be a separator.
    static let maximumSeparator = 1024

    private enum Phase: Sendable {
        /// Before the first message: there must be nothing.
        case start
        case header(date: Int64)
        case body
        /// In the message in which other programs keep their data.
        case skipped
    }

    private let quoting: Quoting
    private var phase = Phase.start
    private var header: [UInt8] = []
    /// The beginning of a line that may be a separator or quoted.
    private var line: [UInt8] = []
    private var isInLine = false
    /// An empty line that may be the file's.
    private var blank: [UInt8] = []
    private var out: [UInt8] = []
    private var events: [Event] = []
    /// Whether something stands before the first separator.
    public private(set) var isForeign = false

    public init(_ quoting: Quoting = .rd) { self.quoting = quoting }

    /// Takes octets; answers what they bring.
    public mutating func append(_ bytes: [UInt8]) -> [Event] {
        var start = 0
        while start < bytes.count {
            if self.isInLine {
                let end = bytes[start...].firstIndex(of: 0x0A)
                self.text(bytes[start..<(end.map { $0 + 1 } ?? bytes.count)])
                if end != nil { self.isInLine = false }
                start = end.map { $0 + 1 } ?? bytes.count
            } else {
                start = self.begin(bytes, start)
            }
        }
        return self.take()
    }

    /// Ends the file.
    public mutating func finish() -> [Event] {
        if !self.line.isEmpty { self.decide(isWhole: true) }
        self.blank = []
        self.endMessage()
        return self.take()
    }

    private mutating func take() -> [Event] {
        self.flush()
        defer { self.events = [] }
        return self.events
    }

    // MARK: Lines

    /// Takes the beginning of a line, up to where it is clear what it is.
    private mutating func begin(_ bytes: [UInt8], _ start: Int) -> Int {
        var position = start
        while position < bytes.count {
            let byte = bytes[position]
            self.line.append(byte)
            position += 1
            if byte == 0x0A {
                self.decide(isWhole: true)
                return position
            }
            if !self.mayBeSpecial {
                self.decide(isWhole: false)
                return position
            }
        }
        return position
    }

    /// Whether the line may still turn out to be a separator, quoted, or empty.
    private var mayBeSpecial: Bool {
        guard self.line.count < Self.maximumSeparator else { return false }
        if self.line.count == 1, self.line[0] == 0x0D { return true }
        let rest = self.line.drop { $0 == 0x3E }
        if rest.count < 5 { return rest.elementsEqual("From ".utf8.prefix(rest.count)) }
        // Of a quoted line all is known now.
        return rest.count == self.line.count && rest.starts(with: "From ".utf8)
    }

    private mutating func decide(isWhole: Bool) {
        let line = self.line
        self.line = []
        self.isInLine = !isWhole
        if isWhole, line.last == 0x0A, let date = MboxSeparator.date(line) {
            self.blank = []
            self.endMessage()
            self.phase = .header(date: date)
            return
        }
        if line == [0x0A] || line == [0x0D, 0x0A] {
            self.passBlank()
            if case .header = self.phase {
                self.header.append(contentsOf: line)
                self.endHeader()
            } else {
                self.blank = line
            }
            return
        }
        let marks = line.prefix { $0 == 0x3E }.count
        let isFrom = marks > 0 && line.dropFirst(marks).starts(with: "From ".utf8)
        let isQuoted =
            switch self.quoting {
            case .rd: isFrom
            case .o: isFrom && marks == 1
            case .none: false
            }
        self.text(isQuoted ? line.dropFirst() : line[...])
    }

    private mutating func passBlank() {
        guard !self.blank.isEmpty else { return }
        let blank = self.blank
        self.blank = []
        self.pass(blank[...])
    }

    /// Text of a message.
    private mutating func text(_ bytes: ArraySlice<UInt8>) {
        guard !bytes.isEmpty else { return }
        self.passBlank()
        self.pass(bytes)
    }

    private mutating func pass(_ bytes: ArraySlice<UInt8>) {
        switch self.phase {
        case .start:
            if bytes.contains(where: { $0 != 0x0A && $0 != 0x0D }) { self.isForeign = true }
        case .header:
            self.header.append(contentsOf: bytes)
            if self.header.count > Self.maximumHeader { self.endHeader() }
        case .body: self.out.append(contentsOf: bytes)
        case .skipped: break
        }
    }

    // MARK: Messages

    private mutating func endHeader() {
        guard case .header(let date) = self.phase else { return }
        var fields = MboxFields()
        let rest = fields.take(from: self.header)
        self.header = []
        guard !fields.isInternal else {
            self.phase = .skipped
            return
        }
        self.phase = .body
        self.flush()
        self.events.append(.message(date: date, flags: fields.flags, keywords: fields.keywords))
        self.out = rest
    }

    private mutating func endMessage() {
        // One without an empty line has a header alone.
        self.endHeader()
        self.flush()
    }

    private mutating func flush() {
        guard !self.out.isEmpty else { return }
        self.events.append(.octets(self.out))
        self.out = []
    }
}
