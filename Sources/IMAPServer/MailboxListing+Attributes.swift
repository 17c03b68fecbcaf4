import IMAPCore
import MailStore

extension MailboxListing {
    /// \HasChildren or \HasNoChildren, of which LIST always says one.
    var childAttribute: ResponseEncoder.ListAttributes { self.hasChildren ? .hasChildren : .hasNoChildren }

    /// The special use, as LIST has it.
    var uses: [SpecialUseAttribute] { self.specialUse.map { [$0.attribute] } ?? [] }
}

extension SpecialUse {
    init(_ attribute: SpecialUseAttribute) {
        self =
            switch attribute {
            case .all: .all
            case .archive: .archive
            case .drafts: .drafts
            case .flagged: .flagged
            case .junk: .junk
            case .sent: .sent
            case .trash: .trash
            }
    }

    var attribute: SpecialUseAttribute {
        switch self {
        case .all: .all
        case .archive: .archive
        case .drafts: .drafts
        case .flagged: .flagged
        case .junk: .junk
        case .sent: .sent
        case .trash: .trash
        }
    }
}
