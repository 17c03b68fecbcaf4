import MailCore

/// A request of Postfix's policy protocol as it comes in: lines of `name=value`, then an empty one.
struct PolicyRequest: Sendable, Equatable {
    /// RCPT TO; empty after DATA with several recipients.
    private(set) var recipient = ""
    /// What SIZE said, in octets; 0 when it was not there.
    private(set) var size: UInt64 = 0
    private(set) var queueID = ""
    private var lines = 0

    enum Step: Equatable {
        case needMore
        case complete
        /// No client of this protocol.
        case tooLong
    }

    /// Postfix sends some thirty attributes.
    private static let maximumLines = 200

    /// Takes one line without its end.
    mutating func take(_ line: borrowing Span<UInt8>) -> Step {
        if line.isEmpty { return .complete }
        self.lines += 1
        guard self.lines <= Self.maximumLines else { return .tooLong }
        if let value = Self.value(of: "recipient", in: line) {
            self.recipient = value
        } else if let value = Self.value(of: "size", in: line) {
            self.size = UInt64(value) ?? 0
        } else if let value = Self.value(of: "queue_id", in: line) {
            self.queueID = value
        }
        return .needMore
    }

    private static func value(of name: StaticString, in line: borrowing Span<UInt8>) -> String? {
        let length = name.utf8CodeUnitCount
        guard line.count > length, line[length] == UInt8(ascii: "="),
            ASCII.equals(line.extracting(0..<length), lowercase: name)
        else { return nil }
        return line.extracting((length + 1)..<line.count).withUnsafeBufferPointer {
            String(decoding: $0, as: UTF8.self)
        }
    }

    /// The recipient without what stands after the delimiter, and that.
    func user(delimiters: String) -> (name: String, detail: String?) {
        let local = self.recipient.lastIndex(of: "@").map { self.recipient[..<$0] } ?? self.recipient[...]
        let domain = self.recipient[local.endIndex...]
        guard let split = local.firstIndex(where: { delimiters.contains($0) }), split > local.startIndex else {
            return (self.recipient, nil)
        }
        return (String(local[..<split]) + domain, String(local[local.index(after: split)...]))
    }
}
