internal import MailCore

/// Encodes a message for RETR and TOP piece by piece: a dot more where a line begins with one, and the end.
public struct DotStuffer: Sendable {
    fileprivate enum End: Sendable {
        /// After CRLF, or before the first octet.
        case line
        /// After an LF that no CR precedes.
        case bareLine
        case carriageReturn
        case other

        var isCarriageReturn: Bool {
            switch self {
            case .carriageReturn: true
            case .line, .bareLine, .other: false
            }
        }
    }

    private var last = End.line

    public init() {}

    /// Appends the next octets of the message. Pieces may end anywhere.
    ///
    /// A dot after a lone LF is doubled too: a client that takes LF for a line end must not see the message
    /// end there, and start to read the rest as answers.
    public mutating func encode(_ piece: UnsafeRawBufferPointer, into out: inout [UInt8]) {
        guard let final = piece.last else { return }
        let dot = UInt8(ascii: ".")
        switch self.last {
        case .line, .bareLine: if piece[0] == dot { out.append(dot) }
        case .carriageReturn, .other: break
        }
        var start = 0
        while let found = piece.firstDottedLine(from: start) {
            out.append(contentsOf: UnsafeRawBufferPointer(rebasing: piece[start...found]))
            out.append(dot)
            start = found + 1
        }
        out.append(contentsOf: UnsafeRawBufferPointer(rebasing: piece[start...]))
        if final == UInt8(ascii: "\n") {
            let hasReturn =
                piece.count > 1
                ? piece[piece.count - 2] == UInt8(ascii: "\r") : self.last.isCarriageReturn
            self.last = hasReturn ? .line : .bareLine
        } else {
            self.last = final == UInt8(ascii: "\r") ? .carriageReturn : .other
        }
    }

    /// Appends the end: CRLF unless the message ends in one, and a lone dot.
    public mutating func finish(into out: inout [UInt8]) {
        switch self.last {
        case .line: out.append(".\r\n")
        case .bareLine, .carriageReturn, .other: out.append("\r\n.\r\n")
        }
        self.last = .line
    }
}

/// How much of a message TOP sends.
public enum TopLines {
    /// The octets up to the end of the header, the empty line after it, and `lines` lines of the body.
    ///
    /// The whole message is answered without a look at it when it cannot have more lines than that:
    /// some clients fetch every message by `TOP n 99999999`.
    public static func length(of message: UnsafeRawBufferPointer, lines: Int) -> Int {
        if lines >= message.count { return message.count }
        var from = 0
        var left: Int?
        while let found = message.firstIndex(of: UInt8(ascii: "\n"), from: from) {
            if let body = left {
                if body <= 1 { return found + 1 }
                left = body - 1
            } else if found == from || (found == from + 1 && message[from] == UInt8(ascii: "\r")) {
                if lines <= 0 { return found + 1 }
                left = lines
            }
            from = found + 1
        }
        return message.count
    }
}
