import MailCore
import Testing

struct MaskTests {
    @Test(arguments: [
        ("", "", true), ("", "a", false), ("anna", "anna", true), ("anna", "annas", false), ("anna", "Anna", false),
        ("*", "", true), ("*", "anything/at all", true), ("a*", "a", true), ("a*", "ba", false),
        ("*a", "banana", true), ("*a", "banan", false), ("b*n*a", "banana", true), ("b*x*a", "banana", false),
        ("?", "", false), ("?", "a", true), ("?", "ä", true), ("??", "a", false), ("*?", "", false),
        ("*?", "abc", true), ("a?c", "abc", true), ("INBOX/*", "INBOX", false), ("INBOX*", "INBOX/A/B", true),
        ("**", "x", true), ("a*b*c", "aXbXc", true), ("a*b*c", "aXbX", false),
        ("*@example.org", "ann@example.org", true),
        ("**c**", "abc", true), ("abc?", "abc", false), ("*ab", "aab", true), ("*aab", "aaaab", true),
        ("[a]", "a", false), ("a*", "a\u{301}b", true), ("?", "\u{1F468}\u{200D}\u{1F469}", false),
    ])
    func matches(_ pattern: String, _ text: String, _ expected: Bool) {
        #expect(Mask(pattern).matches(text) == expected)
    }

    @Test func knowsLiterals() {
        #expect(Mask("anna@example.org").isLiteral)
        #expect(!Mask("anna@*").isLiteral)
        #expect(!Mask("ann?").isLiteral)
    }

    /// The pattern that makes a backtracking matcher take exponential time.
    @Test func isNeverSlow() {
        let pattern = String(repeating: "*a", count: 60) + "*b"
        #expect(!Mask(pattern).matches(String(repeating: "a", count: 400)))
    }
}
