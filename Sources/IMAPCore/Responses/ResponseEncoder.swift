import MailCore

/// Writes responses one behind the other into one buffer.
///
/// The buffer is what the next write to the connection sends; the caller takes it with `take`.
public struct ResponseEncoder: Sendable {
    public var bytes: [UInt8] = []

    public init() {}

    public var isEmpty: Bool { self.bytes.isEmpty }

    /// The octets so far; the encoder is empty afterwards and holds no memory.
    public mutating func take() -> [UInt8] {
        let taken = self.bytes
        self.bytes = []
        return taken
    }

    // MARK: Status responses

    /// How a command ended.
    public enum Status: Hashable, Sendable {
        case ok, no, bad

        var text: StaticString {
            switch self {
            case .ok: "OK "
            case .no: "NO "
            case .bad: "BAD "
            }
        }
    }

    /// `a1 OK [CODE] text`. `text` is one line of US-ASCII and not empty.
    public mutating func tagged(
        _ tag: Tag, _ status: Status, _ code: ResponseCode?, _ text: StaticString
    ) {
        self.begin(tag, status, code)
        self.bytes.append(text)
        self.endLine()
    }

    /// `a1 OK text`.
    public mutating func tagged(_ tag: Tag, _ status: Status, _ text: StaticString) {
        self.tagged(tag, status, nil, text)
    }

    /// With a text put together at run time: line ends and NUL in it become spaces.
    public mutating func tagged(_ tag: Tag, _ status: Status, _ code: ResponseCode? = nil, text: String) {
        self.begin(tag, status, code)
        self.appendText(text)
        self.endLine()
    }

    private mutating func begin(_ tag: Tag, _ status: Status, _ code: ResponseCode?) {
        self.bytes.append(contentsOf: tag.bytes)
        self.bytes.append(0x20)
        self.bytes.append(status.text)
        self.append(code)
    }

    /// `* OK [CODE] text`
    public mutating func untagged(_ status: Status, _ code: ResponseCode?, _ text: StaticString) {
        self.bytes.append("* ")
        self.bytes.append(status.text)
        self.append(code)
        self.bytes.append(text)
        self.endLine()
    }

    /// `* BYE [CODE] text`.
    public mutating func bye(_ code: ResponseCode?, _ text: StaticString) {
        self.bytes.append("* BYE ")
        self.append(code)
        self.bytes.append(text)
        self.endLine()
    }

    /// The BAD for a command that could not be read; NO where it could, but is too much, or has a date that is none.
    public mutating func failed(_ error: CommandError) {
        if let tag = error.tag {
            self.bytes.append(contentsOf: tag.bytes)
        } else {
            self.bytes.append(UInt8(ascii: "*"))
        }
        self.bytes.append(0x20)
        switch error.code {
        case .literalTooBig:
            // Untagged, NO would be taken for a warning.
            self.bytes.append(error.tag == nil ? "BAD [TOOBIG] " : "NO [TOOBIG] ")
        case .literalNotAnnounced: self.bytes.append("BAD [TOOBIG] ")
        case .metadataTooBig(let maximum):
            self.bytes.append("NO ")
            self.append(.metadataMaximum(maximum))
        case .tooComplex where error.tag != nil && error.recovery == .nextCommand:
            self.bytes.append("NO [LIMIT] ")
        case .invalidDate: self.bytes.append(error.tag == nil ? "BAD " : "NO ")
        case .syntax, .unknownCommand, .tooComplex, .lineTooLong:
            self.bytes.append("BAD ")
        }
        error.appendText(to: &self.bytes)
        self.endLine()
    }

    /// `+ text`, where `text` may be empty.
    public mutating func continuation(_ text: some Collection<UInt8>) {
        self.bytes.append("+ ")
        self.bytes.append(contentsOf: text)
        self.endLine()
    }

    private mutating func append(_ code: ResponseCode?) {
        guard let code else { return }
        self.bytes.append(UInt8(ascii: "["))
        code.encode(into: &self.bytes)
        self.bytes.append("] ")
    }

    private mutating func appendText(_ text: String) {
        var isEmpty = true
        for byte in text.utf8 {
            isEmpty = false
            self.bytes.append(byte < 0x20 || byte >= 0x7F ? 0x20 : byte)
        }
        if isEmpty { self.bytes.append(UInt8(ascii: ".")) }
    }

    /// CRLF.
    public mutating func endLine() {
        self.bytes.append(0x0D)
        self.bytes.append(0x0A)
    }

    // MARK: Numbers

    /// `* n EXISTS` and its like; `word` without spaces around it.
    mutating func numbered(_ number: UInt64, _ word: StaticString) {
        self.bytes.append("* ")
        self.bytes.appendDecimal(number)
        self.bytes.append(0x20)
        self.bytes.append(word)
        self.endLine()
    }
}
