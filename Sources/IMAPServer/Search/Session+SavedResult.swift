import IMAPCore
import MailCore
import MailSearch
import MailStore

/// SEARCHRES (RFC 5182): the result of a search, which `$` stands for.
extension Session {
    /// Keeps for `$` what was found: with MIN, MAX or PARTIAL and without COUNT and ALL, what these answer only (RFC
    /// 5182 section 2.4, RFC 9394 section 3.2).
    func save(_ found: Found, _ command: SearchCommand) {
        let returns = command.returns ?? []
        var places = found.places
        if returns.isDisjoint(with: [.count, .all]), !returns.isDisjoint(with: [.min, .max]) || command.partial != nil {
            places = []
            if let partial = command.partial {
                places.append(contentsOf: found.places[partial.positions(of: found.places.count)])
            }
            if returns.contains(.min), let first = found.places.first { places.append(first) }
            if returns.contains(.max), let last = found.places.last { places.append(last) }
        }
        self.selected?.savedResult = UIDSet(places.map { found.view[$0].uid })
    }

    /// What stands for `$` in a command.
    func savedResult(_ numbering: MessageNumbering) -> SequenceSet {
        guard let selected = self.selected else { return SequenceSet([ClosedRange<UInt32>]()) }
        switch numbering {
        case .uid: return SequenceSet(selected.savedResult.ranges)
        case .sequenceNumber:
            let places = selected.view.indices(of: SequenceSet(selected.savedResult.ranges), .uid) ?? []
            return SequenceSet(
                places.map { UInt32(clamping: $0.lowerBound + 1)...UInt32(clamping: $0.upperBound) })
        }
    }

    /// A SEARCH with SAVE that fails leaves nothing for `$` (RFC 5182 section 2.1).
    func forgetSavedResult(_ command: SearchCommand) {
        if command.returns?.contains(.save) == true { self.selected?.savedResult = [] }
    }
}
