import MailCore

/// The payloads of a backup's frames. Integers are little-endian; *varint* and *text* are as in the volume's log.
extension BackupItem {
    enum Kind: UInt8 {
        case begin = 1
        case mailbox = 2
        case uids = 3
        case metadata = 4
        case subscription = 5
        case script = 6
        case messages = 7
        case message = 8
        case body = 9
        case gone = 10
        case end = 11
        case quotaLimits = 12
        case privateFlags = 13
    }

    var kind: Kind {
        switch self {
        case .begin: .begin
        case .mailbox: .mailbox
        case .uids: .uids
        case .metadata: .metadata
        case .subscription: .subscription
        case .script: .script
        case .messages: .messages
        case .message: .message
        case .body: .body
        case .gone: .gone
        case .end: .end
        case .quotaLimits: .quotaLimits
        case .privateFlags: .privateFlags
        }
    }

    // MARK: Writing

    func encode(into out: inout [UInt8]) {
        switch self {
        case .begin(let head):
            out.appendLittleEndian(BackupHead.version)
            out.append(head.id)
            out.append(head.base == nil ? 0 : 1)
            if let base = head.base { out.append(base) }
            out.appendLittleEndian(head.created)
            out.appendText(head.account)
            out.appendText(head.writer)
        case .mailbox(let mailbox):
            out.appendVarint(UInt64(mailbox.number))
            out.appendText(mailbox.name.text)
            out.appendLittleEndian(mailbox.uidValidity?.rawValue ?? 0)
            out.appendLittleEndian(mailbox.uidNext)
            out.appendLittleEndian(mailbox.highestModSeq.rawValue)
            out.appendText(mailbox.guid)
            out.appendText(mailbox.specialUse)
            out.appendVarint(UInt64(mailbox.accessList.count))
            out.append(contentsOf: mailbox.accessList)
            out.appendVarint(UInt64(mailbox.keywords.count))
            for keyword in mailbox.keywords { out.appendText(keyword.name) }
        case .uids(let mailbox, let uids), .gone(let mailbox, let uids):
            out.appendVarint(UInt64(mailbox))
            Self.append(uids, to: &out)
        case .quotaLimits(let storage, let messages):
            out.append((storage == nil ? 0 : 1) | (messages == nil ? 0 : 2))
            if let storage { out.appendVarint(storage) }
            if let messages { out.appendVarint(messages) }
        case .privateFlags(let own):
            out.appendVarint(UInt64(own.mailbox))
            out.appendText(own.reader)
            out.append(own.flags.rawValue)
            out.appendVarint(UInt64(own.keywords.count))
            for keyword in own.keywords { out.appendText(keyword.name) }
            Self.append(own.uids, to: &out)
        case .metadata(let mailbox, let entry, let value):
            out.appendVarint(UInt64(mailbox))
            out.appendText(entry)
            out.append(contentsOf: value)
        case .subscription(let name):
            out.appendText(name.text)
        case .script(let name, let isActive, let content):
            out.append(isActive ? 1 : 0)
            out.appendText(name)
            out.append(contentsOf: content)
        case .messages: break
        case .message(let message): message.encode(into: &out)
        case .body(let octets): out.append(contentsOf: octets)
        case .end(let messages, let octets):
            out.appendVarint(messages)
            out.appendVarint(octets)
        }
    }

    private static func append(_ uids: UIDSet, to out: inout [UInt8]) {
        var last: UInt32 = 0
        for range in uids.ranges {
            out.appendVarint(UInt64(range.lowerBound - last))
            out.appendVarint(UInt64(range.upperBound - range.lowerBound))
            last = range.upperBound
        }
    }

    // MARK: Reading

    /// `nil` for a payload that is none of that kind.
    init?(kind: Kind, _ payload: UnsafeRawBufferPointer) {
        var reader = ByteReader(payload)
        switch kind {
        case .begin:
            guard reader.readLittleEndian(UInt32.self) != nil, let head = BackupHead(&reader) else { return nil }
            self = .begin(head)
        case .mailbox:
            guard let mailbox = BackupMailbox(&reader) else { return nil }
            self = .mailbox(mailbox)
        case .uids, .gone:
            guard let mailbox = reader.readNumber(), let uids = Self.readUIDs(&reader) else { return nil }
            self = kind == .uids ? .uids(mailbox: mailbox, uids) : .gone(mailbox: mailbox, uids)
        case .metadata:
            guard let mailbox = reader.readNumber(), let entry = reader.readText(),
                let value = reader.readBytes(reader.remaining)
            else { return nil }
            self = .metadata(mailbox: mailbox, entry: entry, value: Array(value))
        case .subscription:
            guard let name = reader.readText().flatMap({ MailboxName($0) }) else { return nil }
            self = .subscription(name)
        case .script:
            guard let isActive = reader.readLittleEndian(UInt8.self), let name = reader.readText(),
                let content = reader.readBytes(reader.remaining)
            else { return nil }
            self = .script(name: name, isActive: isActive != 0, content: Array(content))
        case .messages: self = .messages
        case .message:
            guard let message = BackupMessage(&reader) else { return nil }
            self = .message(message)
        case .body:
            self = .body(Array(payload))
            return
        case .end:
            guard let messages = reader.readVarint(), let octets = reader.readVarint() else { return nil }
            self = .end(messages: messages, octets: octets)
        case .quotaLimits:
            guard let parts = reader.readLittleEndian(UInt8.self), parts < 4 else { return nil }
            var limits: [UInt64?] = [nil, nil]
            for index in limits.indices where parts & (1 << index) != 0 {
                guard let limit = reader.readVarint() else { return nil }
                limits[index] = limit
            }
            self = .quotaLimits(storage: limits[0], messages: limits[1])
        case .privateFlags:
            guard let own = BackupPrivateFlags(&reader) else { return nil }
            self = .privateFlags(own)
        }
        guard reader.remaining == 0 else { return nil }
    }

    fileprivate static func readUIDs(_ reader: inout ByteReader) -> UIDSet? {
        var uids = UIDSet()
        var last: UInt64 = 0
        while reader.remaining > 0 {
            guard let gap = reader.readVarint(), let length = reader.readVarint(), gap > 0 || last == 0,
                gap <= UInt64(UInt32.max), length <= UInt64(UInt32.max),
                let low = UInt32(exactly: last + gap).flatMap({ UID(rawValue: $0) }),
                let high = UInt32(exactly: last + gap + length).flatMap({ UID(rawValue: $0) })
            else { return nil }
            uids.insert(low...high)
            last = UInt64(high.rawValue)
        }
        return uids
    }
}

extension BackupHead {
    fileprivate init?(_ reader: inout ByteReader) {
        guard let id = reader.readBackupID(), let hasBase = reader.readLittleEndian(UInt8.self) else { return nil }
        var base: BackupID?
        if hasBase != 0 {
            guard let known = reader.readBackupID() else { return nil }
            base = known
        }
        guard let created = reader.readLittleEndian(Int64.self), let account = reader.readText(),
            let writer = reader.readText()
        else { return nil }
        self.init(id: id, base: base, account: account, created: created, writer: writer)
    }
}

extension BackupPrivateFlags {
    fileprivate init?(_ reader: inout ByteReader) {
        guard let mailbox = reader.readNumber(), mailbox > 0, let name = reader.readText(),
            let flags = reader.readLittleEndian(UInt8.self), let count = reader.readVarint(),
            count <= UInt64(reader.remaining)
        else { return nil }
        var keywords: [Keyword] = []
        for _ in 0..<count {
            guard let keyword = reader.readText().flatMap({ Keyword($0) }) else { return nil }
            keywords.append(keyword)
        }
        guard let uids = BackupItem.readUIDs(&reader) else { return nil }
        self.init(
            mailbox: mailbox, reader: name, flags: MessageFlags(rawValue: flags), keywords: keywords, uids: uids)
    }
}

extension BackupMailbox {
    fileprivate init?(_ reader: inout ByteReader) {
        guard let number = reader.readNumber(), number > 0, let name = reader.readText().flatMap({ MailboxName($0) }),
            let validity = reader.readLittleEndian(UInt32.self), let next = reader.readLittleEndian(UInt32.self),
            let modSeq = reader.readLittleEndian(UInt64.self), let guid = reader.readText(),
            let use = reader.readText(), let length = reader.readVarint(), length <= UInt64(reader.remaining),
            let list = reader.readBytes(Int(length)), let count = reader.readVarint(),
            count <= UInt64(reader.remaining)
        else { return nil }
        var keywords: [Keyword] = []
        for _ in 0..<count {
            guard let keyword = reader.readText().flatMap({ Keyword($0) }) else { return nil }
            keywords.append(keyword)
        }
        self.init(
            number: number, name: name, uidValidity: UIDValidity(rawValue: validity), uidNext: next,
            highestModSeq: ModSeq(rawValue: modSeq), guid: guid, specialUse: use, accessList: Array(list),
            keywords: keywords)
    }
}

extension BackupMessage {
    fileprivate func encode(into out: inout [UInt8]) {
        out.appendVarint(UInt64(self.mailbox))
        out.appendLittleEndian(self.uid)
        out.appendLittleEndian(self.modSeq.rawValue)
        out.appendLittleEndian(self.internalDate)
        out.appendLittleEndian(self.saveDate)
        out.appendLittleEndian(self.size)
        out.append(self.flags.rawValue)
        out.append(self.body.rawValue | (self.pop3UIDL == nil ? 0 : 2) | (self.pop3Order == nil ? 0 : 4))
        out.appendVarint(UInt64(self.keywords.count))
        for number in self.keywords { out.appendVarint(UInt64(number)) }
        out.appendVarint(UInt64(self.keywordNames.count))
        for keyword in self.keywordNames { out.appendText(keyword.name) }
        out.appendText(self.guid)
        if let uidl = self.pop3UIDL { out.appendText(uidl) }
        if let order = self.pop3Order { out.appendLittleEndian(order) }
    }

    fileprivate init?(_ reader: inout ByteReader) {
        guard let mailbox = reader.readNumber(), mailbox > 0, let uid = reader.readLittleEndian(UInt32.self),
            let modSeq = reader.readLittleEndian(UInt64.self), let date = reader.readLittleEndian(Int64.self),
            let saved = reader.readLittleEndian(Int64.self), let size = reader.readLittleEndian(UInt32.self),
            let flags = reader.readLittleEndian(UInt8.self), let parts = reader.readLittleEndian(UInt8.self),
            let body = Body(rawValue: parts & 1), parts < 8, let count = reader.readVarint(),
            count <= UInt64(reader.remaining)
        else { return nil }
        var keywords: [UInt16] = []
        for _ in 0..<count {
            guard let number = reader.readVarint().flatMap({ UInt16(exactly: $0) }) else { return nil }
            keywords.append(number)
        }
        guard let names = reader.readVarint(), names <= UInt64(reader.remaining) else { return nil }
        var keywordNames: [Keyword] = []
        for _ in 0..<names {
            guard let keyword = reader.readText().flatMap({ Keyword($0) }) else { return nil }
            keywordNames.append(keyword)
        }
        guard let guid = reader.readText() else { return nil }
        var uidl: String?
        if parts & 2 != 0 {
            guard let text = reader.readText() else { return nil }
            uidl = text
        }
        var order: UInt32?
        if parts & 4 != 0 {
            guard let value = reader.readLittleEndian(UInt32.self) else { return nil }
            order = value
        }
        self.init(
            mailbox: mailbox, uid: uid, modSeq: ModSeq(rawValue: modSeq), internalDate: date, saveDate: saved,
            size: size, flags: MessageFlags(rawValue: flags), keywords: keywords, keywordNames: keywordNames,
            guid: guid, pop3UIDL: uidl, pop3Order: order, body: body)
    }
}

extension [UInt8] {
    fileprivate mutating func append(_ id: BackupID) {
        self.appendLittleEndian(id.high)
        self.appendLittleEndian(id.low)
    }
}

extension ByteReader {
    fileprivate mutating func readNumber() -> UInt32? { self.readVarint().flatMap { UInt32(exactly: $0) } }

    fileprivate mutating func readBackupID() -> BackupID? {
        guard let high = self.readLittleEndian(UInt64.self), let low = self.readLittleEndian(UInt64.self) else {
            return nil
        }
        return BackupID(high: high, low: low)
    }
}
