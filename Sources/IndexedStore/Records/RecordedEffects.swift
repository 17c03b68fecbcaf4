internal import MailCore
internal import MailStore

/// What a delivery sends and remembers, as its record has it.
struct RecordedEffects: Sendable {
    struct Mail: Sendable {
        var account: UInt32
        var row: OutgoingRow
    }

    struct Memory: Sendable {
        var account: UInt32
        var key: RememberedKey
        var expires: Int64
    }

    /// Numbered by their places.
    var outgoing: [Mail] = []
    var remembered: [Memory] = []

    var isEmpty: Bool { self.outgoing.isEmpty && self.remembered.isEmpty }

    /// Whether a mail has the record's body.
    var namesBody: Bool { self.outgoing.contains { $0.row.hasBody } }

    func encode(into out: inout [UInt8]) {
        out.appendVarint(UInt64(self.outgoing.count))
        for mail in self.outgoing {
            out.appendLittleEndian(mail.account)
            let row = mail.row.encode()
            out.appendVarint(UInt64(row.count))
            out.append(contentsOf: row)
        }
        out.appendVarint(UInt64(self.remembered.count))
        for memory in self.remembered {
            out.appendLittleEndian(memory.account)
            out.append(contentsOf: memory.key.octets)
            out.appendLittleEndian(memory.expires)
        }
    }

    init() {}

    init?(_ reader: inout ByteReader) {
        guard let mails = reader.readCount(of: 8) else { return nil }
        for _ in 0..<mails {
            guard let account = reader.readLittleEndian(UInt32.self), let length = reader.readCount(of: 1),
                let row = reader.readBytes(length).flatMap({ OutgoingRow($0) })
            else { return nil }
            self.outgoing.append(Mail(account: account, row: row))
        }
        guard let memories = reader.readCount(of: 4 + RememberedKey.size + 8) else { return nil }
        for _ in 0..<memories {
            guard let account = reader.readLittleEndian(UInt32.self),
                let key = reader.readBytes(RememberedKey.size).flatMap({ RememberedKey(octets: Array($0)) }),
                let expires = reader.readLittleEndian(Int64.self)
            else { return nil }
            self.remembered.append(Memory(account: account, key: key, expires: expires))
        }
    }
}

/// What the index keeps of a mail that waits for the MTA.
struct OutgoingRow: Sendable {
    var purpose: OutgoingMessage.Purpose
    /// MAIL FROM; empty for the null sender.
    var sender: String
    var recipient: String
    /// Octets with the prefix.
    var size: UInt64
    var queuedAt: Int64
    var attempts: UInt32 = 0
    var nextAttempt: Int64
    var lastError = ""
    var isHandedOver = false
    /// Whether its octets are the body of the record of its delivery. Else they are `inline`.
    var hasBody: Bool
    var prefix: [UInt8]
    var inline: [UInt8] = []

    private static let version: UInt8 = 1

    init(_ mail: OutgoingMessage, isInline: Bool, at now: Int64) {
        self.purpose = mail.purpose
        self.sender = mail.sender
        self.recipient = mail.recipient
        self.size = UInt64(mail.prefix.count + mail.message.octets.count)
        self.queuedAt = now
        self.nextAttempt = now
        self.hasBody = !isInline
        self.prefix = mail.prefix
        if isInline { self.inline = mail.message.octets.withUnsafeBytes { Array($0) } }
    }

    func encode() -> [UInt8] {
        var out: [UInt8] = [
            Self.version, self.purpose.rawValue, (self.hasBody ? 1 : 0) | (self.isHandedOver ? 2 : 0),
        ]
        out.appendText(self.sender)
        out.appendText(self.recipient)
        out.appendLittleEndian(self.size)
        out.appendLittleEndian(self.queuedAt)
        out.appendLittleEndian(self.attempts)
        out.appendLittleEndian(self.nextAttempt)
        out.appendText(self.lastError)
        out.appendVarint(UInt64(self.prefix.count))
        out.append(contentsOf: self.prefix)
        out.append(contentsOf: self.inline)
        return out
    }

    init?(_ bytes: UnsafeRawBufferPointer) {
        var reader = ByteReader(bytes)
        guard reader.readLittleEndian(UInt8.self) == Self.version,
            let purpose = reader.readLittleEndian(UInt8.self).flatMap(OutgoingMessage.Purpose.init(rawValue:)),
            let bits = reader.readLittleEndian(UInt8.self), let sender = reader.readText(),
            let recipient = reader.readText(), let size = reader.readLittleEndian(UInt64.self),
            let queuedAt = reader.readLittleEndian(Int64.self), let attempts = reader.readLittleEndian(UInt32.self),
            let nextAttempt = reader.readLittleEndian(Int64.self), let lastError = reader.readText(),
            let length = reader.readCount(of: 1), let prefix = reader.readBytes(length).map({ Array($0) }),
            let inline = reader.readBytes(reader.remaining)
        else { return nil }
        self.purpose = purpose
        self.sender = sender
        self.recipient = recipient
        self.size = size
        self.queuedAt = queuedAt
        self.attempts = attempts
        self.nextAttempt = nextAttempt
        self.lastError = lastError
        self.isHandedOver = bits & 2 != 0
        self.hasBody = bits & 1 != 0
        self.prefix = prefix
        self.inline = Array(inline)
    }
}

/// A mail of an account in keys and records.
struct OutgoingKey: Hashable, Sendable {
    var account: UInt32
    var id: OutgoingID

    /// The body that a mail has which has that of its delivery.
    var body: BodyID { BodyID(rawValue: self.id.delivery) }
}

/// What became of a mail: the values that its row has from now on.
struct OutgoingChanged: Sendable {
    var key: OutgoingKey
    /// `nil`: it is gone.
    var state: State?

    struct State: Sendable {
        var attempts: UInt32
        var nextAttempt: Int64
        var lastError: String
        var isHandedOver: Bool
    }
}

extension [UInt8] {
    mutating func append(_ changed: OutgoingChanged) {
        self.appendLittleEndian(changed.key.account)
        self.appendLittleEndian(changed.key.id.delivery)
        self.appendLittleEndian(changed.key.id.number)
        guard let state = changed.state else {
            self.append(0)
            return
        }
        self.append(state.isHandedOver ? 2 : 1)
        self.appendLittleEndian(state.attempts)
        self.appendLittleEndian(state.nextAttempt)
        self.appendText(state.lastError)
    }
}

extension ByteReader {
    mutating func readOutgoingChanged() -> OutgoingChanged? {
        guard let account = self.readLittleEndian(UInt32.self), let delivery = self.readLittleEndian(UInt64.self),
            let number = self.readLittleEndian(UInt32.self), let kind = self.readLittleEndian(UInt8.self), kind <= 2
        else { return nil }
        let key = OutgoingKey(account: account, id: OutgoingID(delivery: delivery, number: number))
        if kind == 0 { return OutgoingChanged(key: key, state: nil) }
        guard let attempts = self.readLittleEndian(UInt32.self), let next = self.readLittleEndian(Int64.self),
            let error = self.readText()
        else { return nil }
        return OutgoingChanged(
            key: key,
            state: OutgoingChanged.State(
                attempts: attempts, nextAttempt: next, lastError: error, isHandedOver: kind == 2))
    }
}
