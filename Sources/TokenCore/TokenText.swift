/// Text of a stranger in a log line.
package enum TokenText {
    /// 40 printable characters of ASCII at most; others become `?`.
    package static func printable(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.prefix(40).map { (0x20..<0x7F).contains($0.value) ? $0 : "?" }))
    }
}
