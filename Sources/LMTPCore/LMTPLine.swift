/// Finds command lines in a stream of octets.
public enum LMTPLine {
    /// The longest command line with its line end, in octets. RFC 5321 asks for 512 plus what extensions add;
    /// long UTF-8 addresses and ORCPT need more.
    public static let maximumLength = 4096

    /// What the input begins with.
    public enum Result: Sendable, Hashable {
        /// The line is `0..<length`; its line end makes `consumed`.
        case line(length: Int, consumed: Int)
        case needMore
        /// No line end within the limit: the session must end, since commands can no longer be told from data.
        case tooLong
    }

    /// Looks for the first line end. A bare LF counts here, though never in message data.
    public static func find(in input: borrowing Span<UInt8>) -> Result {
        let limit = min(input.count, self.maximumLength)
        var position = 0
        while position < limit {
            if input[position] == 0x0A {
                let length = position > 0 && input[position - 1] == 0x0D ? position - 1 : position
                return .line(length: length, consumed: position + 1)
            }
            position += 1
        }
        return input.count >= self.maximumLength ? .tooLong : .needMore
    }
}
