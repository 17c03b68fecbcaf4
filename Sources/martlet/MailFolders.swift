import AdminCommands
import ArchiveCore
import Glibc
import MailCore

/// The forms of mail files that `import` reads and `export` writes.
enum MailFileForm: String, CaseIterable, Sendable {
    case maildir, mbox
}

/// Which mailboxes files stand for.
enum MailFolders {
    /// What lies at a path; a Maildir when there is `cur` in it, or in a directory in it: not all have an INBOX.
    static func form(_ path: String) -> MailFileForm {
        let isMaildir =
            Directory.isThere("\(path)/cur")
            || Directory.names(path).contains { Directory.isThere("\(path)/\($0)/cur") }
        return isMaildir ? .maildir : .mbox
    }

    static func sources(
        _ path: String, _ form: MailFileForm, _ quoting: MboxParser.Quoting
    ) throws(AdminError) -> [any ImportSource] {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        switch form {
        case .maildir: return try Self.maildirs(path)
        case .mbox:
            if Directory.isThere(path) { return try Self.mboxes(path, [], quoting, try RealDirectory(path)) }
            let file = path == "-" ? "INBOX" : String(path.split(separator: "/").last ?? "INBOX")
            return [try MboxSource(path, try Self.name([Self.stem(file)], path), quoting)]
        }
    }

    private static func name(_ levels: [String], _ path: String) throws(AdminError) -> MailboxName {
        guard let name = MailboxName(levels.joined(separator: "/")) else {
            throw AdminError(.data, "\(path): no mailbox can have the name \(levels.joined(separator: "/"))")
        }
        return name
    }

    // MARK: Maildir

    /// The root is INBOX; `.A.B`, and in the other layout the directory `A/B`, are others.
    private static func maildirs(_ path: String) throws(AdminError) -> [any ImportSource] {
        guard Directory.isThere("\(path)/cur") || !Directory.names(path).isEmpty else {
            throw AdminError(.data, "\(path) is no Maildir")
        }
        let root = try RealDirectory(path)
        var sources: [any ImportSource] = []
        if Directory.isThere("\(path)/cur") { sources.append(MaildirSource(path, .inbox, below: root)) }
        for entry in Directory.names(path) where entry.hasPrefix(".") && Directory.isThere("\(path)/\(entry)/cur") {
            if Directory.isLink("\(path)/\(entry)") { continue }
            let levels = entry.dropFirst().split(separator: ".").map { Self.level(String($0)) }
            sources.append(MaildirSource("\(path)/\(entry)", try Self.name(levels, "\(path)/\(entry)"), below: root))
        }
        sources += try Self.nested(path, [], root)
        return sources
    }

    private static func nested(
        _ path: String, _ levels: [String], _ root: RealDirectory
    ) throws(AdminError) -> [any ImportSource] {
        guard levels.count < MailboxName.maximumDepth else { return [] }
        var sources: [any ImportSource] = []
        for entry in Directory.names(path)
        where !entry.hasPrefix(".") && !["cur", "new", "tmp"].contains(entry) && Directory.isThere("\(path)/\(entry)") {
            if Directory.isLink("\(path)/\(entry)") { continue }
            let deeper = levels + [Self.level(entry)]
            if Directory.isThere("\(path)/\(entry)/cur") {
                sources.append(
                    MaildirSource("\(path)/\(entry)", try Self.name(deeper, "\(path)/\(entry)"), below: root))
            }
            sources += try Self.nested("\(path)/\(entry)", deeper, root)
        }
        return sources
    }

    /// A level's name of a directory's: modified UTF-7, or UTF-8 as it is; `\2e` is a dot.
    static func level(_ text: String) -> String {
        let plain = ModifiedUTF7.decode(text.utf8) ?? text
        guard plain.contains("\\") else { return plain }
        var out: [UInt8] = []
        var rest = Array(plain.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            if byte == 0x5C, digits.utf8.count == 2, let value = UInt8(digits, radix: 16) {
                out.append(value)
                rest = rest.dropFirst(2)
            } else {
                out.append(byte)
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// The directory of a mailbox in a Maildir++; "" for INBOX.
    static func maildirPath(_ name: MailboxName) -> String {
        if name.isInbox { return "" }
        let levels = name.text.split(separator: "/").map { level -> String in
            let escaped = level.replacing("\\", with: "\\5c").replacing(".", with: "\\2e")
            return String(decoding: ModifiedUTF7.encode(String(escaped)), as: UTF8.self)
        }
        return "/." + levels.joined(separator: ".")
    }

    // MARK: mbox

    /// Each file is a mailbox, each directory a level; `.mbox` and Thunderbird's `.sbd` are left out of names.
    private static func mboxes(
        _ path: String, _ levels: [String], _ quoting: MboxParser.Quoting, _ root: RealDirectory
    ) throws(AdminError) -> [any ImportSource] {
        guard levels.count < MailboxName.maximumDepth else { return [] }
        var sources: [any ImportSource] = []
        for entry in Directory.names(path) where !entry.hasPrefix(".") && !Self.isNoMail(entry) {
            let file = "\(path)/\(entry)"
            if Directory.isLink(file) { continue }
            let deeper = levels + [Self.stem(entry)]
            if Directory.isThere(file) {
                sources += try Self.mboxes(file, deeper, quoting, root)
            } else if try MboxSource.isForeign(file, below: root) {
                Terminal.complain("\(file) is no mbox file: it does not begin with a line `From `. It is left out")
            } else {
                sources.append(try MboxSource(file, try Self.name(deeper, file), quoting, below: root))
            }
        }
        return sources
    }

    private static func isNoMail(_ name: String) -> Bool {
        [".msf", ".dat", ".html", ".json", ".lock"].contains { name.hasSuffix($0) }
    }

    private static func stem(_ name: String) -> String {
        for ending in [".mbox", ".sbd"] where name.hasSuffix(ending) && name.utf8.count > ending.utf8.count {
            return String(name.dropLast(ending.utf8.count))
        }
        return name
    }

    static func mboxPath(_ name: MailboxName) -> String {
        let levels = name.text.split(separator: "/").map { level -> String in
            // A name that would lead elsewhere, or be passed over when it is read.
            level.hasPrefix(".") ? "_" + level : String(level)
        }
        return "/" + levels.joined(separator: "/") + ".mbox"
    }
}
