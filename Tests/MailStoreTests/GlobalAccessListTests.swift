import MailStore
import Testing

@Suite struct GlobalAccessListTests {
    private static let text = """
        # Of the site.
        Trash owner lrwsti
        Team/* group=staff lr
        * user=carl lr :post
        "With blank/?" anyone l
        Secret -anyone lrwstipekxa

        """

    static let cases: [(String, String, Bool, MailRights)] = [
        // Nothing about it: the mailbox's own list counts.
        ("INBOX", "anna", true, .all),
        ("INBOX", "bert", false, [.lookup]),
        // Instead of the own list, also for the owner.
        ("Trash", "anna", true, [.lookup, .read, .write, .writeSeen, .writeDeleted, .insert]),
        ("Trash/Old", "anna", true, .all),
        ("Team/A/B", "staffer", false, [.lookup, .read]),
        ("Team", "staffer", false, [.lookup]),
        ("Anything", "carl", false, [.lookup, .read, .post]),
        ("With blank/x", "bert", false, [.lookup]),
        ("With blank/xy", "bert", false, [.lookup]),
        // Taken from what the own list gives.
        ("Secret", "bert", false, []),
    ]

    @Test(arguments: cases.indices) func rights(_ index: Int) {
        let (name, user, isOwner, expected) = Self.cases[index]
        let list = GlobalAccessList(text: Array(Self.text.utf8))
        #expect(!list.isDamaged)
        let subject = AccessSubject(user: user, groups: user == "staffer" ? ["staff"] : [])
        let rights = list.rights(in: name, of: subject, isOwner: isOwner, own: isOwner ? .all : [.lookup])
        #expect(rights == expected)
    }

    @Test(arguments: ["Trash", "Trash ", "\"Trash owner lr", "Trash owner Q", "Trash nobody lr", "\"\" owner lr"])
    func damage(_ line: String) {
        let list = GlobalAccessList(text: Array((line + "\n").utf8))
        #expect(list.isDamaged)
        let bert = AccessSubject(user: "bert")
        #expect(list.rights(in: "INBOX", of: bert, isOwner: false, own: .all).isEmpty)
        #expect(list.rights(in: "INBOX", of: bert, isOwner: true, own: .all) == .all)
    }

    @Test func unreadable() {
        #expect(GlobalAccessList.unreadable.isDamaged)
        #expect(GlobalAccessList(text: [UInt8](repeating: 0x0A, count: (1 << 20) + 1)).isDamaged)
    }
}
