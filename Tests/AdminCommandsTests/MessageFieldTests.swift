import MIMECore
import Testing

@testable import AdminCommands

@Suite struct MessageFieldTests {
    private static let message = Array(
        """
        Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r
        \tfrom here\r
        Date: Mon, 1 Jun 2026 10:00:00 +0200\r
        Received: one\r
        received: two\r
        \r
        Received: three\r

        """.utf8)

    @Test(
        arguments: [
            ("subject", .asWritten, "=?utf-8?q?Gr=C3=BC=C3=9Fe?=\tfrom here"), ("SUBJECT", .utf8, "Grüße\tfrom here"),
            ("Received", .asWritten, "one\ntwo"), ("X-None", .asWritten, ""),
        ] as [(String, FetchColumn.HeaderForm, String)])
    func fieldsOfAHeader(_ name: String, _ form: FetchColumn.HeaderForm, _ text: String) {
        let found = Self.message.withUnsafeBytes { MessageField.bodies(of: name, form, in: Octets($0)) }
        #expect(String(decoding: found, as: UTF8.self) == text)
    }

    @Test(arguments: [
        ("Date: Mon, 1 Jun 2026 10:00:00 +0200\r\n\r\n", "2026-06-01 08:00:00 (+0200)"),
        ("date: 1 Jun 2026 10:00:00 -0130\r\n\r\n", "2026-06-01 11:30:00 (-0130)"),
        ("Date: soon\r\n\r\n", ""), ("Subject: x\r\n\r\nDate: 1 Jun 2026 10:00:00 +0000\r\n", ""),
    ])
    func dateOfSending(_ message: String, _ date: String) {
        let found = Array(message.utf8).withUnsafeBytes { MessageField.sentDate(Octets($0)) }
        #expect(found == date)
    }
}
