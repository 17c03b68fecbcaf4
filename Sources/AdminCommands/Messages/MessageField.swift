import MIMECore
import MailCore
import MailStore

/// The columns of `fetch`.
enum MessageField {
    static func value(
        _ column: FetchColumn, _ record: MessageRecord, _ found: MessageCommands.Found, _ account: any MailAccount
    ) async throws(StoreError) -> [UInt8] {
        switch column {
        case .field(let field): return try await Self.value(field, record, found, account)
        case .header(let name, let form):
            return try await Self.octets(record, found.mailbox) { Self.bodies(of: name, form, in: Octets($0)) }
        }
    }

    private static func value(
        _ field: AdminCommand.FetchField, _ record: MessageRecord, _ found: MessageCommands.Found,
        _ account: any MailAccount
    ) async throws(StoreError) -> [UInt8] {
        switch field {
        case .user: return Array(account.identity.name.utf8)
        case .mailbox: return Array(MailboxCommands.text(found.mailbox.name, account).utf8)
        case .uid: return Self.text(UInt64(record.uid.rawValue))
        case .seq: return Self.text(UInt64((found.view.index(of: record.uid) ?? 0) + 1))
        case .guid: return Array(try await found.mailbox.details(of: record.uid).guid.utf8)
        case .flags: return Array(Self.flags(record, found.view.keywords).utf8)
        case .modseq: return Self.text(record.modSeq.rawValue)
        case .dateReceived: return Array(LocalTime.text(record.internalDate).utf8)
        case .dateSaved: return Array(LocalTime.text(try await found.mailbox.details(of: record.uid).saveDate).utf8)
        case .sizePhysical, .sizeVirtual: return Self.text(UInt64(record.size))
        case .dateSent: return try await Self.octets(record, found.mailbox) { Array(Self.sentDate(Octets($0)).utf8) }
        case .hdr: return try await Self.octets(record, found.mailbox) { Array($0.prefix(Self.headerSize($0))) }
        case .body: return try await Self.octets(record, found.mailbox) { Array($0.dropFirst(Self.headerSize($0))) }
        case .text: return try await Self.octets(record, found.mailbox) { Array($0) }
        case .pop3UIDL: return Array((try await found.mailbox.details(of: record.uid).pop3UIDL ?? "").utf8)
        case .imapEnvelope: return try await Self.cached(record, found.mailbox) { $0.envelope }
        case .imapBodystructure: return try await Self.cached(record, found.mailbox) { $0.bodyStructure }
        }
    }

    private static func text(_ number: UInt64) -> [UInt8] {
        var out: [UInt8] = []
        out.appendDecimal(number)
        return out
    }

    static func flags(_ record: MessageRecord, _ table: KeywordTable) -> String {
        var names = record.flags.names
        for number in table.numbers(in: record.keywords) where Int(number) < table.keywords.count {
            names.append(table.keywords[Int(number)].name)
        }
        return names.joined(separator: " ")
    }

    private static func octets(
        _ record: MessageRecord, _ mailbox: any Mailbox,
        _ part: (UnsafeRawBufferPointer) -> [UInt8]
    ) async throws(StoreError) -> [UInt8] {
        guard let first = try await mailbox.octets(of: [record], limit: 1).first else {
            throw StoreError(.expunged)
        }
        return try first.get().withUnsafeBytes { part($0) }
    }

    /// The bodies of a header's fields of that name, unfolded, a line for each.
    static func bodies(of name: String, _ form: FetchColumn.HeaderForm, in message: Octets) -> [UInt8] {
        var out: [UInt8] = []
        for field in HeaderScanner(message) where message[field.name].equalsIgnoringCase(name.utf8) {
            if !out.isEmpty { out.append(0x0A) }
            switch form {
            case .asWritten: HeaderBody.appendUnfolded(message[field.body], to: &out)
            case .utf8: out += EncodedWord.decode(message[field.body], converter: .system)
            }
        }
        return out
    }

    /// `2026-11-21 13:00:00 (+0100)`: the machine's time, and the zone that the Date field names; empty without a date there.
    static func sentDate(_ message: Octets) -> String {
        var scanner = HeaderScanner(message)
        while let field = scanner.next() {
            guard message[field.name].equals(lowercase: "date") else { continue }
            guard let date = MessageDate(parsing: message[field.body]) else { return "" }
            let zone = abs(date.zoneOffsetMinutes)
            let digits = String(10_000 + zone / 60 * 100 + zone % 60).dropFirst()
            return "\(LocalTime.text(date.secondsSince1970)) (\(date.zoneOffsetMinutes < 0 ? "-" : "+")\(digits))"
        }
        return ""
    }

    /// Octets of the header with the empty line that ends it.
    private static func headerSize(_ bytes: UnsafeRawBufferPointer) -> Int {
        if bytes.starts(with: [0x0D, 0x0A]) { return 2 }
        var position = 0
        while position + 3 < bytes.count {
            if bytes[position] == 0x0D, bytes[position + 1] == 0x0A, bytes[position + 2] == 0x0D,
                bytes[position + 3] == 0x0A
            {
                return position + 4
            }
            position += 1
        }
        return bytes.count
    }

    private static func cached(
        _ record: MessageRecord, _ mailbox: any Mailbox,
        _ part: (MessageCache.View) -> UnsafeRawBufferPointer?
    ) async throws(StoreError) -> [UInt8] {
        var out: [UInt8] = []
        try await mailbox.caches(of: CollectionOfOne(record)) { _, view in
            if let part = view.flatMap(part) { out = Array(part) }
            return false
        }
        return out
    }
}
