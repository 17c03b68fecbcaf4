/// A shell-like pattern of user or mailbox names: `*` any text, `?` one character, which is a code point.
///
/// Linear in the text for each star, without recursion, so that no pattern can take long.
public struct Mask: Sendable {
    private let pattern: [Unicode.Scalar]

    public init(_ text: String) { self.pattern = Array(text.unicodeScalars) }

    /// Whether the pattern can match only itself.
    public var isLiteral: Bool { !self.pattern.contains("*") && !self.pattern.contains("?") }

    /// Whether the whole text is like the pattern.
    public func matches(_ text: String) -> Bool {
        let characters = Array(text.unicodeScalars)
        var position = 0
        var next = 0
        var star: (pattern: Int, text: Int)?
        while position < characters.count {
            if next < self.pattern.count, self.pattern[next] == "*" {
                star = (next, position)
                next += 1
            } else if next < self.pattern.count,
                self.pattern[next] == "?" || self.pattern[next] == characters[position]
            {
                next += 1
                position += 1
            } else if let last = star {
                star = (last.pattern, last.text + 1)
                next = last.pattern + 1
                position = last.text + 1
            } else {
                return false
            }
        }
        while next < self.pattern.count, self.pattern[next] == "*" { next += 1 }
        return next == self.pattern.count
    }
}
