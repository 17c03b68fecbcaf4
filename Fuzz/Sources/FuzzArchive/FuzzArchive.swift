import ArchiveCore
import MailCore

/// Reads any octets as an mbox file and as a backup, whole and cut in two: no trap, and the same either way. What the
/// mbox parser found is written and read again.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzArchive(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let input = Array(UnsafeBufferPointer(start: data, count: data == nil ? 0 : size))
    let cut = input.isEmpty ? 0 : Int(input[0]) * 13 % input.count
    for quoting in [MboxParser.Quoting.rd, .o, .none] {
        let whole = Mail.read([input], quoting)
        precondition(whole == Mail.read([Array(input[..<cut]), Array(input[cut...])], quoting))
        precondition(whole.reduce(0) { $0 + $1.octets.count } <= input.count)
    }
    let messages = Mail.read([input], .rd)
    var written: [UInt8] = []
    var writer = MboxWriter()
    for message in messages {
        writer.begin(date: message.date, flags: message.flags, keywords: message.keywords, into: &written)
        writer.append(Array(message.octets.prefix(cut)), into: &written)
        writer.append(Array(message.octets.dropFirst(cut)), into: &written)
        writer.end(into: &written)
    }
    let again = Mail.read([written], .rd)
    precondition(again.count == messages.count)
    for (a, b) in zip(again, messages) {
        precondition(a.flags == b.flags && a.keywords == b.keywords)
        precondition(b.date < 0 || b.date > 253_000_000_000 || a.date == b.date)
    }

    let items = Backups.backup([input])
    precondition(items == Backups.backup([Array(input[..<cut]), Array(input[cut...])]))
    // Octets without the frames around them.
    var copy: [UInt8] = []
    var backup = BackupWriter()
    for item in items { _ = backup.append(item, to: &copy) }
    return 0
}

private enum Backups {
    static func backup(_ pieces: [[UInt8]]) -> [BackupItem] {
        var reader = BackupReader()
        var items: [BackupItem] = []
        for piece in pieces {
            reader.append(piece)
            while let item = try? reader.next() { items.append(item) }
        }
        _ = try? reader.finish()
        return items
    }
}

private struct Mail: Equatable {
    var date: Int64
    var flags: MessageFlags
    var keywords: [Keyword]
    var octets: [UInt8]

    static func read(_ pieces: [[UInt8]], _ quoting: MboxParser.Quoting) -> [Mail] {
        var parser = MboxParser(quoting)
        var messages: [Mail] = []
        for events in pieces.map({ parser.append($0) }) + [parser.finish()] {
            for event in events {
                switch event {
                case .message(let date, let flags, let keywords):
                    messages.append(Mail(date: date, flags: flags, keywords: keywords, octets: []))
                case .octets(let octets):
                    precondition(!messages.isEmpty && !octets.isEmpty)
                    messages[messages.count - 1].octets += octets
                }
            }
        }
        return messages
    }
}
