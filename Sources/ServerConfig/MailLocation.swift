/// A place of mail in the older spelling, such as `maildir:~/Maildir:LAYOUT=fs:CONTROL=/var/control/%u`.
public struct MailLocation: Sendable, Equatable {
    public var driver: String
    public var path: String
    public var places = MailPlacesSettings()
    /// Whether directories are named in UTF-8.
    public var namesInUTF8 = false
    /// Options that are not understood, as they stand there.
    public var unknown: [String] = []

    /// `nil` for a text without a driver before the first colon.
    public init?(_ text: String) {
        var pieces = Self.split(text)
        guard pieces.count >= 2, !pieces[0].isEmpty, !pieces[0].contains("/") else { return nil }
        self.driver = pieces.removeFirst()
        self.path = pieces.removeFirst()
        for piece in pieces { self.take(piece) }
    }

    /// Splits at colons; two of them stand for one that is meant.
    private static func split(_ text: String) -> [String] {
        var pieces = [""]
        var isEscaped = false
        let characters = Array(text)
        for (index, character) in characters.enumerated() {
            if isEscaped {
                isEscaped = false
            } else if character == ":", index + 1 < characters.count, characters[index + 1] == ":" {
                isEscaped = true
                pieces[pieces.count - 1].append(":")
            } else if character == ":" {
                pieces.append("")
            } else {
                pieces[pieces.count - 1].append(character)
            }
        }
        return pieces
    }

    private mutating func take(_ piece: String) {
        let name = SettingSyntax.lowercased(String(piece.prefix { $0 != "=" }))
        let value = String(piece.dropFirst(name.count + 1))
        switch name {
        case "layout":
            guard let layout = MailboxListLayout(rawValue: SettingSyntax.lowercased(value)) else {
                self.unknown.append(piece)
                return
            }
            self.places.layout = layout
        case "inbox": self.places.inboxPath = value
        case "control": self.places.controlPath = value
        case "index": self.places.indexPath = value == "MEMORY" ? "" : value
        case "dirname": self.places.directoryName = value
        case "subscriptions": self.places.subscriptionsName = value
        case "utf-8": self.namesInUTF8 = true
        // What Dovecot keeps beside the mail for itself, and a way of listing.
        case "", "volatiledir", "listindex", "iterindex", "no-noselect", "broken_char", "brokenchar": break
        default: self.unknown.append(piece)
        }
    }
}
