import MIMECore
import MailCore

/// The header field by which a scanner marks spam, `X-Spam: Yes`.
public struct JunkHeader: Sendable, Equatable {
    private let name: [UInt8]
    private let value: [UInt8]

    /// `nil` for what is no `Field: value`.
    public init?(_ text: String) {
        let parts = text.utf8.split(separator: 0x3A, maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        self.name = Self.trimmed(parts[0])
        self.value = Self.trimmed(parts[1]).map { ASCII.lowercased($0) }
        guard !self.name.isEmpty, !self.value.isEmpty else { return nil }
    }

    private static func trimmed(_ text: Substring.UTF8View) -> [UInt8] {
        var octets = Array(text.drop { $0 == 0x20 || $0 == 0x09 })
        while octets.last == 0x20 || octets.last == 0x09 { octets.removeLast() }
        return octets
    }

    /// Whether one of the fields begins with the value, in any case, as a whole word: `Yes, score=7.1` begins with
    /// `Yes`.
    func marks(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let octets = Octets(bytes)
        for field in HeaderScanner(octets) where octets[field.name].equalsIgnoringCase(self.name) {
            let body = HeaderBody.unfolded(octets[field.body][0..<1000])
            guard body.count >= self.value.count,
                zip(body, self.value).allSatisfy({ ASCII.lowercased($0) == $1 })
            else { continue }
            guard body.count > self.value.count else { return true }
            let next = body[self.value.count]
            if !ASCII.isLetter(next), !ASCII.isDigit(next), next != UInt8(ascii: "-") { return true }
        }
        return false
    }
}
