import MailCore
import Testing

@testable import IMAPCore

/// RFC 9208 sections 4.1 and 4.2.
@Suite struct QuotaCommandTests {
    @Test(arguments: [
        CommandCase("G0001 GETQUOTA \"!partition/sda4\"\r\n", .getQuota(root: bytes("!partition/sda4")), tag: "G0001"),
        CommandCase("G0002 GETQUOTAROOT INBOX\r\n", .getQuotaRoot(WireMailboxName(bytes("INBOX"))), tag: "G0002"),
        CommandCase(
            "S0001 SETQUOTA \"#user/alice\" (STORAGE 510)\r\n",
            .setQuota(root: bytes("#user/alice"), [QuotaSetting(resource: bytes("STORAGE"), limit: 510)]), tag: "S0001"),
        CommandCase("a SETQUOTA \"\" ()\r\n", .setQuota(root: [], []), tag: "a"),
        CommandCase(
            "a setquota {1+}\r\nx (storage 0 Message 9223372036854775807)\r\n",
            .setQuota(
                root: bytes("x"),
                [
                    QuotaSetting(resource: bytes("STORAGE"), limit: 0),
                    QuotaSetting(resource: bytes("MESSAGE"), limit: UInt64(Int64.max)),
                ]), tag: "a"),
    ])
    func commands(_ each: CommandCase) {
        let (whole, differing) = events(each.input)
        #expect(whole == each.expected)
        #expect(differing == nil)
    }

    @Test(arguments: [
        "a GETQUOTA", "a GETQUOTA x y", "a GETQUOTAROOT", "a SETQUOTA x", "a SETQUOTA x STORAGE 1",
        "a SETQUOTA x (STORAGE)",
        "a SETQUOTA x (STORAGE 1", "a SETQUOTA x (STORAGE -1)", "a SETQUOTA x (STORAGE 1 STORAGE 2)",
        "a SETQUOTA x (1 1) y",
        "a SETQUOTA x (STORAGE 9223372036854775808)", "a SETQUOTA x ( STORAGE 1)",
    ])
    func mistakes(_ line: String) {
        let (whole, differing) = events(line + "\r\n")
        #expect(differing == nil)
        guard case .step(.failed)? = whole.first, whole.count == 1 else {
            Issue.record("\(line): \(whole)")
            return
        }
    }

    @Test func responses() {
        var out = ResponseEncoder()
        out.quota(root: [], storage: .init(usage: 10, limit: 512), messages: nil)
        out.quota(
            root: bytes("#user/alice"), storage: .init(usage: 54, limit: 111), messages: .init(usage: 42, limit: 1000))
        out.quota(root: bytes("User quota"), storage: nil, messages: nil)
        out.quotaRoot(WireMailboxName(bytes("INBOX")), roots: [bytes("#user/alice"), bytes("")])
        out.quotaRoot(WireMailboxName(bytes("comp.mail.mime")), roots: [])
        let wanted = [
            "* QUOTA \"\" (STORAGE 10 512)", "* QUOTA #user/alice (STORAGE 54 111 MESSAGE 42 1000)",
            "* QUOTA \"User quota\" ()",
            "* QUOTAROOT INBOX #user/alice \"\"", "* QUOTAROOT comp.mail.mime", "",
        ]
        #expect(String(decoding: out.bytes, as: UTF8.self) == wanted.joined(separator: "\r\n"))
    }
}
