/// Why a token, a key or a set of keys is not accepted. It has no code: only the log is told, clients learn nothing but that.
package struct TokenError: Error, Hashable, Sendable {
    /// What follows "the token", "the key" or the file's name: `has expired`. Holds nothing that could be used to log in.
    package let text: String

    package init(_ text: String) { self.text = text }
}
