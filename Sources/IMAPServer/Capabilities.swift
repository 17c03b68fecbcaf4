import MailCore
import SASLCore

/// The capability lists. A name stands here only when all of it works.
enum Capabilities {
    /// Before the login.
    static func beforeLogin(canStartTLS: Bool, mayLogIn: Bool, mechanisms: [SASLMechanismName]) -> [UInt8] {
        var out: [UInt8] = []
        out.append("IMAP4rev1 SASL-IR ID ENABLE IDLE LITERAL+")
        if canStartTLS { out.append(" STARTTLS") }
        if mayLogIn {
            for mechanism in mechanisms {
                out.append(" AUTH=")
                out.append(contentsOf: mechanism.text.utf8)
            }
        } else {
            out.append(" LOGINDISABLED")
        }
        return out
    }

    /// After it.
    static let afterLogin: [UInt8] = Array(afterLoginNames.joined(separator: " ").utf8)

    /// One name or group of a document's names a line.
    private static let afterLoginNames = [
        "IMAP4rev1",
        "SASL-IR ID ENABLE IDLE",
        "LITERAL+",
        "NAMESPACE CHILDREN UNSELECT UIDPLUS MOVE",
        "MULTIAPPEND",
        "BINARY",
        "LIST-EXTENDED LIST-STATUS",
        "SPECIAL-USE CREATE-SPECIAL-USE",
        "STATUS=SIZE",
        "PREVIEW",
        "CONDSTORE QRESYNC",
        "ESEARCH SEARCHRES WITHIN",
        "SORT SORT=DISPLAY ESORT",
        "THREAD=ORDEREDSUBJECT THREAD=REFERENCES THREAD=REFS",
    ]
}
