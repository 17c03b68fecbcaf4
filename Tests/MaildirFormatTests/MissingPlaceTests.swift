import Glibc
import IndexedStore
import MailCore
import MailStore
import Testing

@testable import MaildirFormat

/// Where the mail of an account should be, and whether any of it is there.
@Suite struct MissingPlaceTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var layout: MailPlaces.Layout
        /// INBOX elsewhere.
        var isApart = false
        /// Directories that there are.
        var made: [String]
        var known: KnownMail
        /// What is missing: the root or INBOX's directory.
        var missing: String?
        var testDescription: String { "\(self.layout) \(self.isApart) \(self.made) \(self.known.rawValue)" }
    }

    @Test(arguments: [
        Case(layout: .maildirPlusPlus, made: [], known: .inbox, missing: "root"),
        Case(layout: .maildirPlusPlus, made: [], known: .mailboxes, missing: "root"),
        Case(layout: .maildirPlusPlus, made: [], known: [], missing: nil),
        Case(layout: .maildirPlusPlus, made: ["root"], known: .inbox, missing: "root"),
        Case(layout: .maildirPlusPlus, made: ["root/lost+found"], known: .mailboxes, missing: "root"),
        Case(layout: .maildirPlusPlus, made: ["root/.A"], known: .mailboxes, missing: "root"),
        Case(layout: .maildirPlusPlus, made: ["root/cur"], known: [.inbox, .mailboxes], missing: nil),
        Case(layout: .maildirPlusPlus, made: ["root/new"], known: .inbox, missing: nil),
        Case(layout: .maildirPlusPlus, made: ["root/.A/cur"], known: .inbox, missing: nil),
        Case(layout: .directories, made: [], known: .mailboxes, missing: "root"),
        Case(layout: .directories, made: ["root"], known: .inbox, missing: "root"),
        Case(layout: .directories, made: ["root/A/cur"], known: .inbox, missing: nil),
        Case(layout: .maildirPlusPlus, isApart: true, made: ["root/.A/cur"], known: .inbox, missing: "inbox"),
        Case(layout: .maildirPlusPlus, isApart: true, made: ["root/.A/cur", "inbox"], known: .inbox, missing: "inbox"),
        Case(layout: .maildirPlusPlus, isApart: true, made: ["inbox/cur"], known: .inbox, missing: nil),
        Case(layout: .maildirPlusPlus, isApart: true, made: ["inbox/cur"], known: .mailboxes, missing: "root"),
        Case(layout: .maildirPlusPlus, isApart: true, made: ["inbox/cur", "root"], known: .mailboxes, missing: "root"),
        Case(
            layout: .maildirPlusPlus, isApart: true, made: ["inbox/cur", "root/.A/cur"],
            known: [.inbox, .mailboxes], missing: nil),
    ])
    func tellsWhatIsMissing(_ sample: Case) throws {
        let temporary = try TemporaryMaildir()
        let base = temporary.maildir
        rmdir(base)
        mkdir(base, 0o700)
        for path in sample.made {
            var made = base
            for part in path.split(separator: "/") {
                made += "/\(part)"
                mkdir(made, 0o700)
            }
        }
        var places = MailPlaces()
        places.layout = sample.layout
        if sample.isApart { places.inboxPath = "\(base)/inbox" }
        let identity = AccountIdentity(name: "anna", home: base, mailPath: "\(base)/root", places: places)
        let missing = try MaildirFormat().missingPlace(of: identity, sample.known)
        #expect(missing == sample.missing.map { "\(base)/\($0)" })
    }
}
