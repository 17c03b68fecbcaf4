import MailCore
import MailStore
import Testing

@testable import MaildirFormat

@Suite struct MaildirLayoutTests {
    let layout = MaildirLayout(layout: .maildirPlusPlus)

    @Test(arguments: [
        ("INBOX", ""),
        ("inbox/x", ".INBOX.x"),
        ("A", ".A"),
        ("A/B c", ".A.B c"),
        ("Été/y", ".&AMk-t&AOk-.y"),
        ("a.b/c", ".a\\2eb.c"),
        ("~x/~y/z~", ".\\7ex.\\7ey.z~"),
        ("a\\b", ".a\\b"),
        ("a\\2eb", ".a\\5c2eb"),
        ("a\\5c2eb", ".a\\5c5c2eb"),
        ("a\\2Eb", ".a\\2Eb"),
        ("a&b", ".a&-b"),
        ("...", ".\\2e\\2e\\2e"),
        ("cur", ".cur"),
    ])
    func mapsBothWays(_ name: String, _ directory: String) throws {
        let name = mailbox(name)
        #expect(String(decoding: try self.layout.directory(of: name), as: UTF8.self) == directory)
        if !name.isInbox {
            let found = Array(directory.utf8).withUnsafeBytes { self.layout.name(ofDirectory: $0) }
            #expect(found == name)
        }
    }

    @Test(arguments: [
        // Made by others, in other spellings.
        (".a\\5cb", "a\\b" as String?),
        (".Entwürfe", "Entwürfe"),
        (".a&b", "a&b"),
        (".&AC8-", "&AC8-"),
        // No mailboxes.
        (".", nil), ("..", nil), ("..x", nil), (".a..b", nil), (".a.", nil), ("a", nil),
        (".INBOX", nil), (".inbox", nil), (".inbox.x", nil), (".a\tb", nil), (".a\u{1}", nil),
        (".\\2e\\2e", nil), (".a/b", nil), ("..DOVECOT-TRASHED", nil),
    ])
    func readsForeignDirectories(_ directory: String, _ name: String?) {
        let found = Array(directory.utf8).withUnsafeBytes { self.layout.name(ofDirectory: $0) }
        #expect(found?.text == name)
    }

    @Test func refusesLongNames() throws {
        #expect(try self.layout.directory(of: mailbox(String(repeating: "x", count: 254))).count == 255)
        #expect(throws: StoreError.self) {
            try self.layout.directory(of: mailbox(String(repeating: "x", count: 255)))
        }
        #expect(throws: StoreError.self) {
            try self.layout.directory(of: mailbox(String(repeating: "é", count: 100)))
        }
    }

    @Test func neverLeavesTheRoot() throws {
        for text in ["../x", "a/../b", "/etc", "a//b", "a/", ".", ".."] { #expect(MailboxName(text) == nil) }
        for text in ["..x", "x..", "a\\2f..", "~root"] {
            let directory = try self.layout.directory(of: mailbox(text))
            #expect(!directory.contains(0x2F))
            #expect(directory.first == 0x2E)
            #expect(directory.count > 1 && directory[1] != 0x2E)
        }
    }
}
