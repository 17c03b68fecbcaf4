internal import MailCore
internal import MailStore

/// A change with its note, as log and index have it.
struct RecordedEvent: Sendable {
    var id: UInt64
    /// Whose mail it is.
    var account: UInt32
    var event: NotedEvent

    init(id: UInt64, account: UInt32, event: NotedEvent) {
        self.id = id
        self.account = account
        self.event = event
    }

    func encode(into out: inout [UInt8]) {
        out.appendLittleEndian(self.id)
        out.append(self.event.parts)
        out.appendLittleEndian(self.account)
        out.appendLittleEndian(self.event.time)
        out.append(self.event.uids)
        out.append(self.event.sources)
        out.appendVarint(UInt64(self.event.changedFlags.count))
        for flag in self.event.changedFlags { out.appendText(flag) }
        out.append(contentsOf: self.event.octets)
    }

    init?(_ reader: inout ByteReader) {
        guard let id = reader.readLittleEndian(UInt64.self), let parts = reader.readLittleEndian(UInt8.self),
            let account = reader.readLittleEndian(UInt32.self), let time = reader.readLittleEndian(Int64.self),
            let uids = reader.readUIDSet(), let sources = reader.readUIDSet(), let count = reader.readCount(of: 1)
        else { return nil }
        var flags: [String] = []
        for _ in 0..<count {
            guard let flag = reader.readText() else { return nil }
            flags.append(flag)
        }
        guard let octets = reader.readBytes(reader.remaining) else { return nil }
        self.id = id
        self.account = account
        self.event = NotedEvent(
            id: id, parts: parts, time: time, uids: uids, sources: sources, changedFlags: flags, octets: Array(octets))
    }
}
