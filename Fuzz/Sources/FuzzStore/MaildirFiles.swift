import Glibc
@testable import IndexedStore
@testable import MailStore
@testable import MaildirFormat
import MailCore

/// `dovecot-uidlist`: whatever the file, rows ascend, each UID and each name once; what is written is read without repair.
func fuzzUIDList(_ input: FuzzInput) {
    let octets = input.octets
    let list = UIDListFile(octets) { name in (name.last ?? 0) & 1 == 0 }
    check(list)
    let again = UIDListFile(list.encoded())
    check(again)
    same(rows(again), rows(list), "rows of dovecot-uidlist")
    need(again.uidValidity == list.uidValidity && again.realNext == list.realNext && again.guid == list.guid)
    if list.uidValidity != 0 { need(again.repairs.isEmpty, "\(again.repairs)") }
    same(again.encoded(), list.encoded(), "dovecot-uidlist")

    var changed = list
    let added = Array("fuzz.added.now".utf8)
    if list.rows.contains(where: { list.text[$0.name].elementsEqual(added) }) { return }
    changed.add([(uid: 7, extras: [], name: Array("1.M1.host".utf8)), (uid: 3, extras: [], name: added)])
    check(changed)
    same(changed.row(3).map { Array(changed.text[$0.name]) }, added, "a row that was added")
}

private func rows(_ list: UIDListFile) -> [[UInt8]] {
    list.rows.map { Array(String($0.uid).utf8) + list.text[$0.extras] + [0] + list.text[$0.name] }
}

private func check(_ list: UIDListFile) {
    var last: UInt32 = 0
    var names: Set<[UInt8]> = []
    for row in list.rows {
        need(row.uid > last && row.uid < list.realNext)
        last = row.uid
        let name = Array(list.text[row.name])
        need(MaildirFilename.isEntryName(name) && names.insert(name).inserted, "a name twice")
    }
}

/// `dovecot-keywords`: each keyword has one letter.
func fuzzKeywords(_ input: FuzzInput) {
    var file = KeywordsFile(input.octets)
    same(KeywordsFile(file.encoded()), file, "dovecot-keywords")
    for number in 0..<KeywordsFile.capacity {
        if let keyword = file.keyword(number) { same(file.number(of: keyword), number, "a letter") }
    }
    same(file.letters(file.keywords(file.knownLetters)), file.knownLetters, "letters")
    if let keyword = Keyword("$Fuzz"), let number = file.add(keyword) { same(file.keyword(number), keyword, "added") }
    file.nameUnknown(.max)
    same(KeywordsFile(file.encoded()), file, "dovecot-keywords with names")
}

/// `subscriptions` and the names of directories: a name that was written is the one that is read.
func fuzzSubscriptions(_ input: FuzzInput) {
    var input = input
    let choice = input.octet()
    var codec = MailboxLevelCodec()
    codec.writesUTF8 = choice & 1 != 0
    codec.isLevelDirectory = choice & 2 != 0
    if choice & 4 != 0 { codec.escapeCharacter = UInt8(ascii: "%") }
    let octets = input.octets
    var file = SubscriptionsFile(octets, codec)
    let names = file.names
    need(Set(names).count == names.count)
    // Of a file without a line the version is not to be seen.
    if !file.encoded().isEmpty { same(SubscriptionsFile(file.encoded(), codec), file, "subscriptions") }
    need(!file.set(names), "the same names are a change")

    let text = String(decoding: octets, as: UTF8.self)
    guard let name = MailboxName(text) else { return }
    _ = file.set(names + [name])
    need(SubscriptionsFile(file.encoded(), codec).names.contains(name), "a subscription is lost")
    for level in name.levels {
        for encoded in [codec.encode(level), codec.encodeEscapingAll(level)] {
            let decoded = codec.decode(encoded)
            need(decoded.map { $0.utf8.elementsEqual(level.utf8) } ?? false, "a level of \(name): \(encoded)")
            need(!encoded.contains(0x2F) && !encoded.contains(0))
            if codec.isLevelDirectory {
                need(encoded.first != 0x2E && !MailboxLevelCodec.messageDirectories.contains {
                    encoded.elementsEqual($0.utf8)
                })
            } else {
                need(!encoded.contains(0x2E))
            }
        }
    }
}

/// `maildirsize`: limits and sums are what they were.
func fuzzMaildirSize(_ input: FuzzInput) {
    guard let file = MaildirSizeFile(input.octets) else { return }
    guard let again = MaildirSizeFile(file.encoded()) else { fail("maildirsize was written that cannot be read") }
    need(again.limits == file.limits && again.total == file.total && again.lines == 1)
    guard let added = MaildirSizeFile(file.encoded() + MaildirSizeFile.line(file.total)) else { fail("a line") }
    need(added.total == file.total + file.total && added.lines == 2)
}

/// `dovecot-acl`: rows stay, and a damaged file gives nothing.
func fuzzACL(_ input: FuzzInput) {
    let list = AccessList(text: input.octets)
    var again = AccessList(text: list.text)
    need(!again.isDamaged, "dovecot-acl was written damaged")
    again.isDamaged = list.isDamaged
    same(again.rows, list.rows, "dovecot-acl")
    for row in list.rows { same(AccessIdentifier(text: row.identifier.text), row.identifier, "an identifier") }
}

/// Names of message files: flags and letters stay, sizes are told only where they are numbers.
func fuzzFilename(_ input: FuzzInput) {
    let octets = input.octets
    octets.withUnsafeBytes { name in
        let parsed = MaildirFilename(name)
        need(parsed.baseLength <= name.count && !name[..<parsed.baseLength].contains(0x3A))
        let base = Array(name[..<parsed.baseLength])
        let written = base + MaildirFilename.info(
            parsed.flags, keywordLetters: parsed.keywordLetters, other: parsed.otherLetters, trailer: parsed.trailer)
        written.withUnsafeBytes { bytes in
            let again = MaildirFilename(bytes)
            need(again.baseLength == parsed.baseLength && again.flags == parsed.flags)
            need(again.keywordLetters == parsed.keywordLetters && again.trailer == parsed.trailer)
            same(again.otherLetters, parsed.otherLetters.sorted(), "other letters")
        }
        _ = MaildirFilename.toldSize(ofPath: name)
        let time = DeliveryTime(name)
        need(!(time < time))

        // Line ends: what is stored with LF comes back with CRLF, unless the census says that it would not.
        var wire: [UInt8] = []
        LineEnds.expand(name, into: &wire)
        wire.withUnsafeBytes { bytes in
            let census = LineEnds.census(bytes)
            need(census.bareLineFeeds == 0)
            var stored: [UInt8] = []
            LineEnds.strip(bytes, into: &stored)
            need(stored.count == bytes.count - census.pairs)
            var back: [UInt8] = []
            stored.withUnsafeBytes { LineEnds.expand($0, into: &back) }
            if !census.hasDoubledReturn { same(back, wire, "line ends") }
            let cut = LineEnds.cut(bytes, from: 0, limit: max(2, bytes.count / 2))
            need(cut <= bytes.count && (cut > 0 || bytes.isEmpty))
        }
    }
}

/// `dovecot-attributes`.
func fuzzAttributes(_ input: FuzzInput) {
    let file = AttributesFile(input.octets)
    same(AttributesFile(file.encoded()), file, "dovecot-attributes")
    var rebuilt = AttributesFile()
    for attribute in file.attributes { rebuilt.change(attribute) }
    same(rebuilt.attributes, file.attributes, "attributes")
    for attribute in file.attributes { rebuilt.remove(attribute.guid) }
    need(rebuilt.isEmpty)
}

/// `dovecot-uidvalidity` and its siblings: the next number is above all that were given, whatever the files say.
func fuzzUIDValidity(_ input: FuzzInput) {
    var input = input
    let root = "/tmp/martlet-fuzz-\(getpid())"
    mkdir(root, 0o700)
    let main = input.field(until: 0x0A)
    let suffix = String(decoding: input.field(until: 0x0A).prefix(12).filter { $0 != 0 && $0 != 0x2F }, as: UTF8.self)
    let path = root + "/dovecot-uidvalidity"
    let sibling = path + "." + suffix
    for (name, octets) in [(path, main), (sibling, [])] {
        let file = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard file >= 0 else { continue }
        _ = write(file, octets, octets.count)
        close(file)
    }
    defer {
        for name in files(root) { unlink(root + "/" + name) }
        rmdir(root)
    }
    guard let directory = try? DirectoryHandle.open(Array(root.utf8)) else { return }
    var last: UInt32 = 0
    for _ in 0..<3 {
        guard let next = try? UIDValidityFile(directory: directory).next(now: 1000, floor: { 5 }) else { break }
        need(next.rawValue > last, "a UIDVALIDITY again")
        last = next.rawValue
    }
    // `+` is a digit to nobody but the library.
    let isNumber = suffix.utf8.count == 8 && suffix.allSatisfy(\.isHexDigit)
    if last != 0, isNumber, let given = UInt32(suffix, radix: 16) { need(last > given) }
}

private func files(_ directory: String) -> [String] {
    guard let stream = opendir(directory) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        if name != ".", name != ".." { names.append(name) }
    }
    return names
}
