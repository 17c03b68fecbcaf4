/// Why a token or a set of keys is not accepted.
package struct TokenError: Error, Hashable, Sendable {
    /// What follows "the token" in the log: `has expired`. Holds nothing that could be used to log in.
    package let text: String

    package init(_ text: String) { self.text = text }
}
