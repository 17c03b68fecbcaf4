import MIMECore
import MailCore
import MailStore

/// The columns of `fetch`.
enum MessageField {
    static func value(
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
        case .hdr: return try await Self.octets(record, found.mailbox) { $0.prefix(Self.headerSize($0)) }
        case .body: return try await Self.octets(record, found.mailbox) { $0.dropFirst(Self.headerSize($0)) }
        case .text: return try await Self.octets(record, found.mailbox) { $0[...] }
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
        _ part: (UnsafeRawBufferPointer) -> Slice<UnsafeRawBufferPointer>
    ) async throws(StoreError) -> [UInt8] {
        guard let first = try await mailbox.octets(of: [record], limit: 1).first else {
            throw StoreError(.expunged)
        }
        return try first.get().withUnsafeBytes { Array(part($0)) }
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
