import MailCore

extension ResponseEncoder {
    /// `* GENURLAUTH "imap://..." "imap://..."` (RFC 4467 section 8.1).
    public mutating func signedURLs(_ urls: [[UInt8]]) {
        self.bytes.append("* GENURLAUTH")
        for url in urls {
            self.bytes.append(0x20)
            self.bytes.appendIMAPString(url)
        }
        self.endLine()
    }

    /// `* URLFETCH "imap://..." NIL`: a URL that is worth nothing, or whose message is gone.
    public mutating func missingURL(_ url: [UInt8]) {
        self.beginURL(url)
        self.bytes.append("NIL")
        self.endLine()
    }

    /// `* URLFETCH "imap://..." `: what it leads to follows.
    public mutating func beginURL(_ url: [UInt8]) {
        self.bytes.append("* URLFETCH ")
        self.bytes.appendIMAPString(url)
        self.bytes.append(0x20)
    }
}
