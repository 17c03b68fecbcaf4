import MailCore

/// Takes the octets that follow DATA: undoes dot-stuffing and finds the end (RFC 5321 section 4.5.2).
///
/// Only CRLF.CRLF ends a message. A dot between bare LFs or CRs is data, so that nothing can be smuggled past an
/// MTA that reads line ends otherwise.
public struct DotDecoder: Sendable {
    private enum State: Sendable {
        /// At the beginning of the data or just after CRLF.
        case lineStart
        /// Within a line, and over the ends of those that no dot follows.
        case middle
        /// After a CR that may begin a CRLF.
        case carriageReturn
        /// After a dot at the start of a line.
        case dot
        /// After a dot and CR at the start of a line.
        case dotCarriageReturn
        case ended
    }

    private var state = State.lineStart

    public init() {}

    public var isEnded: Bool {
        if case .ended = self.state { true } else { false }
    }

    /// Decodes as much of `input` as belongs to the message, appending to `out`.
    ///
    /// Answers how many octets were consumed; fewer than given only when the end was found.
    public mutating func decode(_ input: borrowing Span<UInt8>, into out: inout [UInt8]) -> Int {
        var position = 0
        while position < input.count {
            switch self.state {
            case .ended:
                return position
            case .lineStart:
                if input[position] == UInt8(ascii: ".") {
                    position += 1
                    self.state = .dot
                } else {
                    self.state = .middle
                }
            case .middle:
                position = self.copyLines(input, from: position, into: &out)
            case .carriageReturn:
                // The CR itself is written. Another CR keeps the wait for LF.
                if input[position] == 0x0A {
                    out.append(0x0A)
                    position += 1
                    self.state = .lineStart
                } else if input[position] == 0x0D {
                    out.append(0x0D)
                    position += 1
                } else {
                    self.state = .middle
                }
            case .dot:
                if input[position] == 0x0D {
                    position += 1
                    self.state = .dotCarriageReturn
                } else {
                    self.state = .middle
                }
            case .dotCarriageReturn:
                if input[position] == 0x0A {
                    self.state = .ended
                    return position + 1
                }
                out.append(0x0D)
                self.state = .carriageReturn
            }
        }
        return position
    }

    /// From the middle of a line on, everything up to and with the next CRLF that a dot follows is data, else all that is
    /// left of `input`. Answers where that ends, and leaves the state that holds there.
    private mutating func copyLines(_ input: borrowing Span<UInt8>, from start: Int, into out: inout [UInt8]) -> Int {
        input.withUnsafeBytes { bytes in
            var end = bytes.count
            var from = start
            while let lineEnd = bytes.firstDottedLine(from: from) {
                from = lineEnd + 1
                // A dot behind a bare LF is data. What came before `start` was no CR.
                if lineEnd > start, bytes[lineEnd - 1] == 0x0D {
                    end = from
                    break
                }
            }
            out.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
            if bytes[end - 1] == 0x0D {
                self.state = .carriageReturn
            } else if bytes[end - 1] == 0x0A, end - 1 > start, bytes[end - 2] == 0x0D {
                self.state = .lineStart
            }
            return end
        }
    }
}
