/// A command or response line at the beginning of what a client sent.
public enum POP3Line: Equatable, Sendable {
    /// There is no whole line yet.
    case needMore
    /// The line has more octets than it may; what follows cannot be told from commands.
    case tooLong
    /// `length` octets without the line end, `consumed` with it. CRLF, or LF alone as some clients have it.
    case line(length: Int, consumed: Int)

    /// The longest command line. RFC 2449 section 4 asks for 255 octets; passwords may be long.
    public static let maximumCommand = 2048
    /// The longest response of an AUTH exchange in base64.
    public static let maximumResponse = 12288

    /// Looks for the end of the line that the input begins with.
    public static func find(in input: Span<UInt8>, limit: Int = maximumCommand) -> POP3Line {
        for index in 0..<min(input.count, limit + 2) where input[index] == UInt8(ascii: "\n") {
            let length = index > 0 && input[index - 1] == UInt8(ascii: "\r") ? index - 1 : index
            return length <= limit ? .line(length: length, consumed: index + 1) : .tooLong
        }
        return input.count >= limit + 2 ? .tooLong : .needMore
    }
}
