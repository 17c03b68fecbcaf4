internal import MailCore
internal import MailStore

// The parts that log records and index rows share.

extension [UInt8] {
    mutating func append(_ key: MailboxKey) {
        self.appendLittleEndian(key.account)
        self.appendLittleEndian(key.mailbox)
    }

    mutating func append(keywordNumbers numbers: [UInt16]) {
        self.appendVarint(UInt64(numbers.count))
        for number in numbers { self.appendVarint(UInt64(number)) }
    }

    mutating func append(_ keywords: NewKeywords) {
        self.appendVarint(UInt64(keywords.names.count))
        guard !keywords.isEmpty else { return }
        self.appendVarint(UInt64(keywords.first))
        for keyword in keywords.names { self.appendText(keyword.name) }
    }

    mutating func append(_ uids: UIDSet) {
        self.appendVarint(UInt64(uids.ranges.count))
        for range in uids.ranges {
            self.appendVarint(UInt64(range.lowerBound))
            self.appendVarint(UInt64(range.upperBound - range.lowerBound))
        }
    }

    mutating func appendIdentity(_ identity: AccountIdentity) {
        self.appendText(identity.name)
        self.appendText(identity.home)
        self.appendText(identity.mailPath)
        var parts: UInt8 = 0
        if identity.owner != nil { parts |= 1 }
        if identity.driver != AccountIdentity.firstDriver { parts |= 2 }
        if identity.places != MailPlaces() { parts |= 4 }
        self.append(parts)
        if let owner = identity.owner {
            self.appendLittleEndian(owner.uid)
            self.appendLittleEndian(owner.gid)
        }
        if parts & 2 != 0 { self.appendText(identity.driver) }
        if parts & 4 != 0 { self.append(identity.places) }
    }

    private mutating func append(_ places: MailPlaces) {
        self.append(places.layout.rawValue)
        for text in [
            places.inboxPath, places.controlPath, places.indexPath, places.directoryName, places.subscriptionsName,
        ] { self.appendText(text) }
    }

    mutating func append(_ message: NewMessage) {
        self.appendLittleEndian(message.uid.rawValue)
        self.append(row: message)
    }

    /// What the index keeps of a message below its UID: 30 octets, then what varies in length.
    mutating func append(row message: NewMessage) {
        self.appendLittleEndian(message.modSeq.rawValue)
        self.appendLittleEndian(message.internalDate)
        self.appendLittleEndian(message.saveDate)
        self.appendLittleEndian(message.size)
        self.append(message.flags.rawValue)
        var extras: UInt8 = 0
        if message.guid != nil { extras |= 1 }
        if message.pop3UIDL != nil { extras |= 2 }
        if message.pop3Order != nil { extras |= 4 }
        self.append(extras)
        self.append(keywordNumbers: message.keywords)
        self.appendVarint(UInt64(message.location.bytes.count))
        self.append(contentsOf: message.location.bytes)
        if let guid = message.guid { self.appendText(guid) }
        if let uidl = message.pop3UIDL { self.appendText(uidl) }
        if let order = message.pop3Order { self.appendLittleEndian(order) }
    }
}

extension ByteReader {
    mutating func readKey() -> MailboxKey? {
        guard let account = self.readLittleEndian(UInt32.self),
            let mailbox = self.readLittleEndian(UInt32.self)
        else { return nil }
        return MailboxKey(account: account, mailbox: mailbox)
    }

    mutating func readUID() -> UID? { self.readLittleEndian(UInt32.self).flatMap(UID.init(rawValue:)) }

    mutating func readName() -> MailboxName? { self.readText().flatMap(MailboxName.init) }

    /// The number of elements of at least `size` octets each; `nil` when the rest cannot hold them.
    mutating func readCount(of size: Int) -> Int? {
        guard let count = self.readVarint(), count <= UInt64(self.remaining / size) else { return nil }
        return Int(count)
    }

    mutating func readKeywordNumbers() -> [UInt16]? {
        guard let count = self.readCount(of: 1) else { return nil }
        if count == 0 { return [] }
        var numbers: [UInt16] = []
        numbers.reserveCapacity(count)
        for _ in 0..<count {
            guard let number = self.readVarint().flatMap({ UInt16(exactly: $0) }) else { return nil }
            numbers.append(number)
        }
        return numbers
    }

    mutating func readNewKeywords() -> NewKeywords? {
        guard let count = self.readCount(of: 2) else { return nil }
        if count == 0 { return NewKeywords() }
        guard let first = self.readVarint().flatMap({ UInt16(exactly: $0) }) else { return nil }
        var names: [Keyword] = []
        for _ in 0..<count {
            guard let name = self.readText().flatMap(Keyword.init) else { return nil }
            names.append(name)
        }
        return NewKeywords(first: first, names: names)
    }

    mutating func readUIDSet() -> UIDSet? {
        guard let count = self.readCount(of: 2) else { return nil }
        var uids = UIDSet()
        for _ in 0..<count {
            guard let low = self.readVarint().flatMap({ UInt32(exactly: $0) }),
                let first = UID(rawValue: low),
                let length = self.readVarint().flatMap({ UInt32(exactly: $0) }), length <= .max - low,
                let last = UID(rawValue: low + length)
            else { return nil }
            uids.insert(first...last)
        }
        return uids
    }

    mutating func readIdentity() -> AccountIdentity? {
        guard let name = self.readText(), let home = self.readText(), let path = self.readText(),
            let parts = self.readLittleEndian(UInt8.self)
        else { return nil }
        var owner: AccountIdentity.FileOwner?
        if parts & 1 != 0 {
            guard let uid = self.readLittleEndian(UInt32.self), let gid = self.readLittleEndian(UInt32.self)
            else { return nil }
            owner = AccountIdentity.FileOwner(uid: uid, gid: gid)
        }
        var driver = AccountIdentity.firstDriver
        if parts & 2 != 0 {
            guard let text = self.readText() else { return nil }
            driver = text
        }
        var places = MailPlaces()
        if parts & 4 != 0 {
            guard let read = self.readPlaces() else { return nil }
            places = read
        }
        return AccountIdentity(
            name: name, home: home, mailPath: path, owner: owner, driver: driver, places: places)
    }

    private mutating func readPlaces() -> MailPlaces? {
        guard let layout = self.readLittleEndian(UInt8.self).flatMap({ MailPlaces.Layout(rawValue: $0) }),
            let inbox = self.readText(), let control = self.readText(), let index = self.readText(),
            let directory = self.readText(), let subscriptions = self.readText()
        else { return nil }
        var places = MailPlaces()
        places.layout = layout
        places.inboxPath = inbox
        places.controlPath = control
        places.indexPath = index
        places.directoryName = directory
        places.subscriptionsName = subscriptions
        return places
    }

    mutating func readMessage() -> NewMessage? {
        guard let uid = self.readUID() else { return nil }
        return self.readRow(uid)
    }

    mutating func readRow(_ uid: UID) -> NewMessage? {
        guard let modSeq = self.readLittleEndian(UInt64.self),
            let internalDate = self.readLittleEndian(Int64.self),
            let saveDate = self.readLittleEndian(Int64.self), let size = self.readLittleEndian(UInt32.self),
            let flags = self.readLittleEndian(UInt8.self), let extras = self.readLittleEndian(UInt8.self),
            let keywords = self.readKeywordNumbers(), let length = self.readCount(of: 1),
            let location = self.readBytes(length)
        else { return nil }
        var message = NewMessage(
            uid: uid, modSeq: ModSeq(rawValue: modSeq), flags: MessageFlags(rawValue: flags),
            keywords: keywords,
            internalDate: internalDate, saveDate: saveDate, size: size,
            location: BodyLocation(Array(location)))
        if extras & 1 != 0 {
            guard let guid = self.readText() else { return nil }
            message.guid = guid
        }
        if extras & 2 != 0 {
            guard let uidl = self.readText() else { return nil }
            message.pop3UIDL = uidl
        }
        if extras & 4 != 0 {
            guard let order = self.readLittleEndian(UInt32.self) else { return nil }
            message.pop3Order = order
        }
        return message
    }
}

extension ByteReader {
    /// What a message's file shows of it, and where that is, from its row; `location` is valid as long as the row.
    mutating func readShown() -> (flags: MessageFlags, keywords: [UInt16], location: UnsafeRawBufferPointer)? {
        // MODSEQ, the dates, size.
        guard self.readBytes(8 + 8 + 8 + 4) != nil, let flags = self.readLittleEndian(UInt8.self),
            self.readLittleEndian(UInt8.self) != nil, let keywords = self.readKeywordNumbers(),
            let length = self.readCount(of: 1), let location = self.readBytes(length)
        else { return nil }
        return (MessageFlags(rawValue: flags), keywords, location)
    }

    /// The name of the body in the log, from the row of a message; `nil` when its octets are in a file.
    mutating func readBodyID() -> BodyID? {
        self.readShown().flatMap { BodyID(location: $0.location) }
    }
}

extension [UInt8] {
    /// One octet of which parts are there (1: any limits, 2: storage, 4: messages), then these.
    mutating func append(_ limits: QuotaLimits?) {
        guard let limits else {
            self.append(0)
            return
        }
        self.append(1 | (limits.storage == nil ? 0 : 2) | (limits.messages == nil ? 0 : 4))
        if let storage = limits.storage { self.appendVarint(UInt64(clamping: storage)) }
        if let messages = limits.messages { self.appendVarint(UInt64(clamping: messages)) }
    }
}

extension ByteReader {
    mutating func readQuotaLimits() -> (value: QuotaLimits?, Void)? {
        guard let parts = self.readLittleEndian(UInt8.self) else { return nil }
        guard parts & 1 != 0 else { return (nil, ()) }
        var limits = QuotaLimits()
        if parts & 2 != 0 {
            guard let storage = self.readVarint() else { return nil }
            limits.storage = Int64(clamping: storage)
        }
        if parts & 4 != 0 {
            guard let messages = self.readVarint() else { return nil }
            limits.messages = Int64(clamping: messages)
        }
        return (limits, ())
    }
}
