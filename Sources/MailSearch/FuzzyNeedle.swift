import MIMECore
import MailCore
import MailStore

/// A text to search for word by word: a message matches when it has all the words, in whatever order, as FUZZY of
/// RFC 6203 allows. No words are guessed: what is found was asked for.
struct FuzzyNeedle: Sendable {
    /// Where to look.
    enum Place: Sendable {
        case header([UInt8])
        case body
        case text
    }

    /// More words of one text are not looked for.
    private static let maximumWords = 16

    let place: Place
    private let whole: SearchNeedle
    private let words: [SearchNeedle]

    init(_ text: [UInt8], in place: Place) {
        self.place = place
        self.whole = SearchNeedle(text)
        var seen: Set<[UInt8]> = []
        var words: [[UInt8]] = []
        for word in text.split(whereSeparator: { $0 < 0x80 && !ASCII.isLetter($0) && !ASCII.isDigit($0) })
        where seen.insert(Array(word)).inserted {
            words.append(Array(word))
        }
        // The longest say most.
        words.sort { $0.count > $1.count }
        // A text of signs alone is looked for as it is.
        self.words = words.isEmpty ? [self.whole] : words.prefix(Self.maximumWords).map { SearchNeedle($0) }
    }

    /// How relevant a message is, 1 to 100; 0 when it does not match, `nil` when the evidence does not say.
    func relevancy(_ evidence: SearchEvidence) -> Int? {
        switch evidence {
        case .record, .keys, .signature: return nil
        case .cache(let view):
            guard case .header(let name) = self.place else { return nil }
            guard let bodies = view.fieldBodies(name) else { return nil }
            return self.relevancy(ofFields: bodies)
        case .message(let message):
            if message.isOver() { return 0 }
            let (octets, table, text) = (message.octets, message.table, message.text)
            switch self.place {
            case .header(let name):
                let header = octets[table.root.header]
                var bodies: [Octets] = []
                for field in HeaderScanner(header) where header[field.name].equalsIgnoringCase(name) {
                    bodies.append(header[field.body])
                }
                return self.relevancy(ofFields: bodies)
            case .body: return self.relevancy(of: text) { text.bodyContains($0) }
            case .text:
                let header = octets[table.root.header]
                for field in HeaderScanner(header) where header[field.name].equals(lowercase: "subject") {
                    let relevancy = self.relevancy(ofFields: [header[field.body]])
                    if relevancy > 0 { return relevancy }
                }
                return self.relevancy(of: text) { text.textContains($0) }
            }
        }
    }

    /// Up to 100 for a field that says nothing else, from 70 on with the whole text in it, from 40 on with its words.
    private func relevancy(ofFields bodies: [Octets]) -> Int {
        var best = 0
        for body in bodies {
            var mapped: [UInt8] = []
            UnicodeCasemap.append(MessageText.text(ofField: body, converter: .system), to: &mapped)
            let share = min(30, 30 * self.whole.mapped.count / max(1, mapped.count))
            if self.whole.isFound(inMapped: mapped) {
                best = max(best, 70 + share)
            } else if self.words.allSatisfy({ $0.isFound(inMapped: mapped) }) {
                best = max(best, 40 + share / 2)
            }
        }
        return best
    }

    /// Text is long: that it has the words says less.
    private func relevancy(of text: MessageText, _ contains: (SearchNeedle) -> Bool) -> Int {
        if contains(self.whole) { return 30 }
        return self.words.allSatisfy(contains) ? 1 + 20 / self.words.count : 0
    }
}
