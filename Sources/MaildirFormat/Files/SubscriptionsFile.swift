import MailCore

/// `subscriptions` in memory.
///
/// Version 2: a line `V` TAB `2`, an empty line, then a mailbox a line, its levels split by TAB. Version 1: a
/// mailbox a line, its levels joined by the layout's dot or slash. Levels are written as in directory names. Lines that
/// are no mailbox name of ours stay.
struct SubscriptionsFile: Equatable {
    enum Version: Equatable { case one, two }

    private struct Line: Equatable {
        var bytes: [UInt8]
        /// `nil`: not understood, kept.
        var name: MailboxName?
    }

    private(set) var version = Version.two
    private var lines: [Line] = []

    private let codec: MailboxLevelCodec

    /// What joins levels in version 1.
    private var levelSeparator: UInt8 { self.codec.isLevelDirectory ? 0x2F : 0x2E }

    /// A new file.
    init(_ codec: MailboxLevelCodec = MailboxLevelCodec()) { self.codec = codec }

    init(_ text: [UInt8], _ codec: MailboxLevelCodec = MailboxLevelCodec()) {
        self.codec = codec
        let header = "V\t2".utf8
        let lines = text.split(separator: 0x0A)
        if let first = lines.first, !first.elementsEqual(header) { self.version = .one }
        var seen: Set<MailboxName> = []
        // Elsewhere the header is no mailbox either, and must not become the first line.
        for line in lines where !line.elementsEqual(header) {
            let name = self.decode(line)
            if let name, !seen.insert(name).inserted { continue }
            self.lines.append(Line(bytes: Array(line), name: name))
        }
    }

    /// In the order of the file, each once.
    var names: [MailboxName] { self.lines.compactMap(\.name) }

    /// Makes `names` those subscribed; `false` when they are so already.
    mutating func set(_ names: [MailboxName]) -> Bool {
        let wanted = Set(names)
        let before = self.lines
        self.lines.removeAll { line in line.name.map { !wanted.contains($0) } ?? false }
        var present = Set(self.names)
        for name in names where present.insert(name).inserted {
            self.lines.append(Line(bytes: self.encode(name), name: name))
        }
        return self.lines != before
    }

    func encoded() -> [UInt8] {
        var out: [UInt8] = []
        if self.version == .two { out.append(contentsOf: "V\t2\n\n".utf8) }
        for line in self.lines {
            out.append(contentsOf: line.bytes)
            out.append(0x0A)
        }
        return out
    }

    private func encode(_ name: MailboxName) -> [UInt8] {
        var out: [UInt8] = []
        for level in name.levels {
            if !out.isEmpty { out.append(self.version == .two ? 0x09 : self.levelSeparator) }
            // Encoded levels hold no control characters, so nothing is left that a TAB-separated line must escape.
            out.append(contentsOf: self.codec.encode(level))
        }
        return out
    }

    private func decode(_ line: ArraySlice<UInt8>) -> MailboxName? {
        var levels: [String] = []
        let separator: UInt8 = self.version == .two ? 0x09 : self.levelSeparator
        for level in line.split(separator: separator, omittingEmptySubsequences: false) {
            let octets = self.version == .two ? EscapedFields.unescaped(level) : Array(level)
            guard let text = self.codec.decode(octets), !text.contains("/") else { return nil }
            levels.append(text)
        }
        return MailboxName(levels.joined(separator: "/"))
    }
}
