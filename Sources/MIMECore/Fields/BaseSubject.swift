import MailCore

/// The base subject by which SORT and THREAD compare (RFC 5256 section 2.1).
public enum BaseSubject {
    /// The most octets of a subject that count.
    public static let maximumOctets = 4096

    /// The base subject as UTF-8, and whether the subject was that of a reply or a forward.
    ///
    /// Artifacts are matched without regard to ASCII case; the answer keeps its case.
    public static func extract(
        _ body: Octets, converter: CharsetConverter = .builtIn
    ) -> (subject: [UInt8], isReply: Bool) {
        let body = body[0..<Self.maximumOctets]
        var plain: [UInt8] = []
        if MappedField.appendPlain(body, .asTheyAre, to: &plain) { return self.extract(collapsed: plain) }
        return self.extract(decoded: EncodedWord.decode(body, converter: converter))
    }

    /// The same of a subject with an unknown charset, in its own octets; `nil` for all others.
    public static func unconverted(_ body: Octets, converter: CharsetConverter = .builtIn) -> [UInt8]? {
        EncodedWord.unconverted(body[0..<Self.maximumOctets], converter: converter).map {
            self.extract(decoded: $0).subject
        }
    }

    private static func extract(decoded: [UInt8]) -> (subject: [UInt8], isReply: Bool) {
        var collapsed: [UInt8] = []
        decoded.withUnsafeBytes { HeaderBody.appendCollapsed(Octets($0), to: &collapsed) }
        return self.extract(collapsed: collapsed)
    }

    private static func extract(collapsed: [UInt8]) -> (subject: [UInt8], isReply: Bool) {
        var text = collapsed[...]
        var isReply = false
        // Step 6 removes a [fwd: ...] around all, then everything begins again. Each round shortens the
        // text by six octets at least.
        while true {
            self.removeTrailers(&text, &isReply)
            self.removeLeaders(&text, &isReply)
            guard self.hasPrefix(text, "[fwd:"), text.last == UInt8(ascii: "]") else { break }
            text = text.dropFirst(5).dropLast()
            isReply = true
        }
        return (Array(text), isReply)
    }

    /// Step 2: `(fwd)` and white space at the end.
    private static func removeTrailers(_ text: inout ArraySlice<UInt8>, _ isReply: inout Bool) {
        while true {
            if text.last == 0x20 {
                text.removeLast()
            } else if text.count >= 5, self.hasPrefix(text.suffix(5), "(fwd)") {
                text.removeLast(5)
                isReply = true
            } else {
                return
            }
        }
    }

    /// Steps 3 to 5: `re:`, `fw:`, `fwd:` with blobs before them, white space; then a blob that leaves
    /// something behind.
    private static func removeLeaders(_ text: inout ArraySlice<UInt8>, _ isReply: inout Bool) {
        while true {
            if text.first == 0x20 {
                text.removeFirst()
                continue
            }
            if let rest = self.afterLeader(text) {
                text = rest
                isReply = true
                continue
            }
            guard let rest = self.afterBlob(text), !rest.isEmpty else { return }
            text = rest
            // No leader stands behind the blobs, so none stands behind fewer of them: the others go without a look.
            while let rest = self.afterBlob(text), !rest.isEmpty { text = rest }
        }
    }

    /// subj-leader: any blobs, `re` or `fw` or `fwd`, a blob or not, a colon.
    private static func afterLeader(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        var rest = text
        while let after = self.afterBlob(rest) { rest = after }
        if self.hasPrefix(rest, "re") {
            rest = rest.dropFirst(2)
        } else if self.hasPrefix(rest, "fwd") {
            rest = rest.dropFirst(3)
        } else if self.hasPrefix(rest, "fw") {
            rest = rest.dropFirst(2)
        } else {
            return nil
        }
        rest = rest.drop { $0 == 0x20 }
        if let after = self.afterBlob(rest) { rest = after }
        guard rest.first == UInt8(ascii: ":") else { return nil }
        return rest.dropFirst()
    }

    /// subj-blob: `[`, anything but brackets, `]`, white space.
    private static func afterBlob(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard text.first == UInt8(ascii: "[") else { return nil }
        let inside = text.dropFirst()
        guard
            let end = inside.firstIndex(where: { $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: "]") }),
            inside[end] == UInt8(ascii: "]")
        else { return nil }
        return inside[(end + 1)...].drop { $0 == 0x20 }
    }

    private static func hasPrefix(_ text: ArraySlice<UInt8>, _ word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        guard text.count >= count else { return false }
        for i in 0..<count where ASCII.lowercased(text[text.startIndex + i]) != word.utf8Start[i] {
            return false
        }
        return true
    }
}
