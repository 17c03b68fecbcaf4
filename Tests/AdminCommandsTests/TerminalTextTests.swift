import AdminCommands
import Testing

@Suite struct TerminalTextTests {
    @Test(arguments: [
        ("", ""), ("<a@b> Grüße\tx\r\n\u{C}", "<a@b> Grüße\tx\r\n\u{C}"), ("a\u{1B}[2Jb", "a?[2Jb"),
        ("\u{0}\u{7}\u{8}\u{7F}", "????"), ("\u{9B}31m", "??31m"), ("\u{A0}", "\u{A0}"), ("\u{109B}", "\u{109B}"),
    ])
    func harmless(_ text: String, _ expected: String) {
        #expect(String(decoding: TerminalText.harmless(Array(text.utf8)), as: UTF8.self) == expected)
    }
}
