import MailCore
import SASLCore

/// The capability lists. A name stands here only when all of it works.
enum Capabilities {
    /// Before the login.
    static func beforeLogin(
        canStartTLS: Bool, mayLogIn: Bool, mechanisms: [SASLMechanismName], settings: IMAPSessionSettings
    ) -> [UInt8] {
        var out: [UInt8] = []
        out.append("IMAP4rev1 IMAP4rev2 SASL-IR ID ENABLE IDLE LANGUAGE ")
        out.append(self.literals(settings))
        if canStartTLS { out.append(" STARTTLS") }
        for mechanism in mechanisms {
            out.append(" AUTH=")
            out.append(contentsOf: mechanism.text.utf8)
        }
        if !mayLogIn { out.append(" LOGINDISABLED") }
        return out
    }

    /// After it.
    ///
    /// - Parameters:
    ///   - hasAccessLists: whether access control lists are enforced.
    ///   - filters: whether FILTER is there.
    static func afterLogin(_ settings: IMAPSessionSettings, hasAccessLists: Bool, filters: Bool = false) -> [UInt8] {
        var out = self.afterLoginNames
        if hasAccessLists { out.append(" ACL RIGHTS=texk LIST-MYRIGHTS") }
        out.append(0x20)
        out.append(self.literals(settings))
        if settings.offersMetadata { out.append(" METADATA LIST-METADATA FILTERS") }
        if !settings.urlHost.isEmpty { out.append(" URLAUTH URLAUTH=BINARY") }
        // Scripts are attached to mailboxes by METADATA (RFC 6785 section 2.1).
        if settings.offersMetadata, !settings.eventScriptsURL.isEmpty {
            out.append(" IMAPSIEVE=")
            out.append(contentsOf: settings.eventScriptsURL.utf8)
        }
        if filters { out.append(" FILTER=SIEVE") }
        if let limit = settings.appendLimit {
            out.append(" APPENDLIMIT=")
            out.appendDecimal(limit)
        }
        if let limit = settings.messageLimit {
            out.append(" MESSAGELIMIT=")
            out.appendDecimal(UInt64(limit))
        } else if let limit = settings.saveLimit {
            out.append(" SAVELIMIT=")
            out.appendDecimal(UInt64(limit))
        }
        return out
    }

    private static func literals(_ settings: IMAPSessionSettings) -> StaticString {
        settings.limitsLiterals ? "LITERAL-" : "LITERAL+"
    }

    private static let afterLoginNames: [UInt8] = Array(names.joined(separator: " ").utf8)

    /// One name or group of a document's names a line.
    private static let names = [
        "IMAP4rev1 IMAP4rev2",
        "SASL-IR ID ENABLE IDLE",
        "UTF8=ACCEPT LANGUAGE I18NLEVEL=1",
        "NAMESPACE CHILDREN UNSELECT UIDPLUS MOVE",
        "MULTIAPPEND CATENATE URL-PARTIAL REPLACE",
        "BINARY",
        "COMPRESS=DEFLATE UNAUTHENTICATE",
        "LIST-EXTENDED LIST-STATUS XLIST",
        "SPECIAL-USE CREATE-SPECIAL-USE",
        "STATUS=SIZE",
        "NOTIFY INPROGRESS",
        "QUOTA QUOTASET QUOTA=RES-STORAGE QUOTA=RES-MESSAGE",
        "PREVIEW",
        "OBJECTID SAVEDATE",
        "CONDSTORE QRESYNC",
        "UIDONLY UIDBATCHES",
        "ESEARCH SEARCHRES WITHIN PARTIAL",
        "CONTEXT=SEARCH CONTEXT=SORT",
        "MULTISEARCH",
        "SEARCH=FUZZY",
        "SORT SORT=DISPLAY ESORT",
        "THREAD=ORDEREDSUBJECT THREAD=REFERENCES THREAD=REFS",
    ]
}
