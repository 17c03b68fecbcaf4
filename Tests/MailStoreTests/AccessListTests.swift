import MailCore
import MailStore
import Testing

private struct RightsCase: Sendable, CustomTestStringConvertible {
    var text: String
    /// Those of bob, who is in `staff` and `sales`; of alice, whose mailbox it is.
    var bob: String
    var alice = "lrwstipekxa"

    init(_ text: String, bob: String, alice: String = "lrwstipekxa") {
        self.text = text
        self.bob = bob
        self.alice = alice
    }

    var testDescription: String { self.text }
}

/// As Dovecot 2.3.19 answers MYRIGHTS for these files, but where it says otherwise.
private let cases = [
    RightsCase("", bob: ""),
    RightsCase("anyone lr\nuser=bob i\n", bob: "i"),
    RightsCase("anyone lr\nauthenticated w\n", bob: "w"),
    RightsCase("anyone lr\ngroup=staff i\n", bob: "i"),
    RightsCase("group=staff l\ngroup=sales r\n", bob: "lr"),
    RightsCase("group=staff lr\n-group=sales r\n", bob: "l"),
    RightsCase("group=staff lrw\n-user=bob w\n", bob: "lr"),
    RightsCase("-group=staff r\nuser=bob lrw\n", bob: "lw"),
    RightsCase("group-override=staff l\nuser=bob lrw\n", bob: "l"),
    RightsCase("user=bob lrw\n-group-override=staff w\n", bob: "lr"),
    RightsCase("-anyone r\nuser=bob lrw\n", bob: "lw"),
    RightsCase("owner lr\nuser=bob l\n", bob: "l", alice: "lr"),
    RightsCase("-user=bob r\nuser=bob lr\n", bob: "l"),
    RightsCase("user=bob lr\nuser=bob w\n", bob: "lrw"),
    RightsCase("anyone lrw\n-authenticated w\n", bob: "lr"),
    RightsCase("user=bob lr :post custom\n", bob: "lrp"),
    RightsCase("user=bob lr : post\n", bob: "lrp"),
    RightsCase("# c\n\nanyone lr\n", bob: "lr"),
    RightsCase("user=bob :lookup read\n", bob: "lr"),
    RightsCase("\"user=bob\" lr\n", bob: "lr"),
    RightsCase("owner l\nuser=alice lrw\n", bob: "", alice: "lrw"),
    RightsCase("-owner w\n", bob: "", alice: "lrstipekxa"),
    RightsCase("user=alice lr\n", bob: "", alice: "lr"),
    RightsCase("anonymous lr\nuser=bob l\n", bob: "l"),
    RightsCase("user=bob lr\r\n", bob: "lr"),
    RightsCase("-anyone r\n-user=bob w\nuser=bob lrw\n", bob: "lr"),
    RightsCase("-group=staff r\n-group-override=sales w\nuser=bob lrw\n", bob: "lr"),
    // Dovecot refuses everybody, also the owner.
    RightsCase("user=bob lr zz\nanyone l\n", bob: ""),
    RightsCase("  user=bob lr\n", bob: ""),
    RightsCase("user=bob lr # x\n", bob: ""),
    RightsCase("user=bob q\n", bob: ""),
    RightsCase("user=bob", bob: ""),
    RightsCase("\"user=bob lr\n", bob: ""),
]

struct AccessListTests {
    @Test(arguments: cases)
    fileprivate func rightsAreThoseOfTheStrongestRows(_ example: RightsCase) {
        let list = AccessList(text: Array(example.text.utf8))
        func letters(_ user: String, _ groups: Set<String>, _ isOwner: Bool) -> String {
            let subject = AccessSubject(user: user, groups: groups)
            return String(decoding: list.rights(of: subject, isOwner: isOwner).letters, as: UTF8.self)
        }
        #expect(letters("bob", ["staff", "sales"], false) == example.bob)
        #expect(letters("alice", [], true) == example.alice)
    }

    @Test(arguments: [
        "anyone lr\n", "user=alice lrwstipekxa\n", "-group=staff e\n", "\"group=two words\" lr :custom other\n",
        "owner \n", "\"user=a\\\"b c\" l\n",
    ])
    func textIsKept(_ text: String) {
        #expect(String(decoding: AccessList(text: Array(text.utf8)).text, as: UTF8.self) == text)
    }

    @Test func textIsReadHoweverItIsCut() {
        // No cut may trap or give rights that the whole does not.
        let text = Array("\"group=two words\" lr :post custom\n-user=bob w\nanyone l\n".utf8)
        for end in 0...text.count {
            let list = AccessList(text: Array(text[..<end]))
            let rights = list.rights(of: AccessSubject(user: "x", groups: ["two words"]), isOwner: false)
            #expect(rights.isSubset(of: [.lookup, .read, .post]))
        }
    }

    @Test func changes() {
        var list = AccessList()
        list.set(.user("bob"), isNegative: false, .replace, [.lookup, .read])
        list.set(.anyone, isNegative: false, .replace, .lookup)
        list.set(.user("bob"), isNegative: false, .add, .write)
        list.set(.user("bob"), isNegative: false, .remove, .read)
        list.set(.user("bob"), isNegative: true, .add, .expunge)
        #expect(String(decoding: list.text, as: UTF8.self) == "anyone l\nuser=bob lw\n-user=bob e\n")
        #expect(list.beneficiaries == [.anyone, .user("bob")])
        list.remove(.user("bob"), isNegative: false)
        list.set(.user("bob"), isNegative: true, .remove, .expunge)
        #expect(String(decoding: list.text, as: UTF8.self) == "anyone l\n")
    }

    @Test func virtualRights() throws {
        #expect(
            try MailRights.parse(wire: "lrcd".utf8).get() == [
                .lookup, .read, .create, .delete, .expunge, .writeDeleted,
            ])
        #expect(String(decoding: MailRights([.lookup, .create]).wireLetters, as: UTF8.self) == "lkc")
        #expect(String(decoding: MailRights([.writeDeleted]).wireLetters, as: UTF8.self) == "td")
        if case .failure(let unknown) = MailRights.parse(wire: "lQ".utf8) {
            #expect(unknown.letter == UInt8(ascii: "Q"))
        } else {
            Issue.record("Q is no right")
        }
    }

    @Test func flagChangesKeepWhatMayNotBeChanged() {
        let old: MessageFlags = [.seen, .flagged]
        #expect(FlagChange(.replace, .draft, rights: .write).applied(to: old) == [.seen, .draft])
        #expect(
            FlagChange(.add, [.deleted, .answered], rights: .writeDeleted).applied(to: old) == [
                .seen, .flagged, .deleted,
            ])
        #expect(FlagChange(.remove, old, rights: .writeSeen).applied(to: old) == .flagged)
        #expect(FlagChange(.replace, []).applied(to: old) == [])
    }

    /// Whatever is between words says nothing, also where another program wrote it.
    @Test func carriageReturns() throws {
        let list = AccessList(text: Array("owner lr :strange\r\r lookup other\r\r\n".utf8))
        #expect(!list.isDamaged)
        #expect(list.rows.map(\.unknownRights) == [["strange", "other"]])
        #expect(AccessList(text: list.text).rows == list.rows)
    }
}
