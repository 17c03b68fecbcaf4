extension MessageFlags {
    /// The flags as IMAP writes them: `\Seen`.
    public var names: [String] {
        let all: [(MessageFlags, String)] = [
            (.answered, "\\Answered"), (.flagged, "\\Flagged"), (.deleted, "\\Deleted"), (.seen, "\\Seen"),
            (.draft, "\\Draft"),
        ]
        return all.filter { self.contains($0.0) }.map(\.1)
    }
}
