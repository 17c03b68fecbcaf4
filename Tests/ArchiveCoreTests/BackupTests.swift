import MailCore
import Testing

@testable import ArchiveCore

@Suite struct BackupTests {
    static func items() throws -> [BackupItem] {
        let uids = UIDSet([1, 2, 3, 9, 4_000_000_000].compactMap { UID(rawValue: $0) })
        return [
            .begin(
                BackupHead(
                    id: BackupID(high: 1, low: 2), base: BackupID(high: 3, low: .max), account: "anna",
                    created: 1_800_000_000, writer: "martlet 1")),
            .mailbox(
                BackupMailbox(
                    number: 1, name: try #require(MailboxName("Work/ä")), uidValidity: UIDValidity(rawValue: 77),
                    uidNext: 10, highestModSeq: ModSeq(rawValue: 1 << 50), guid: "00ff", specialUse: "\\Sent",
                    accessList: Array("user=bert lr\n".utf8), keywords: [try #require(Keyword("$Forwarded"))])),
            .uids(mailbox: 1, uids),
            .metadata(mailbox: 1, entry: "/private/comment", value: [0, 1, 255]),
            .metadata(mailbox: 0, entry: "/shared/admin", value: []),
            .subscription(.inbox),
            .script(name: "main", isActive: true, content: Array("keep;\r\n".utf8)),
            .quotaLimits(storage: 1 << 40, messages: nil),
            .quotaLimits(storage: nil, messages: 0),
            .privateFlags(
                BackupPrivateFlags(
                    mailbox: 1, reader: "bert", flags: [.seen], keywords: [try #require(Keyword("k"))], uids: uids)),
            .messages,
            .message(
                BackupMessage(
                    mailbox: 1, uid: 9, modSeq: ModSeq(rawValue: 5), internalDate: -1, saveDate: 7, size: 5,
                    flags: [.seen, .draft], keywords: [0, 300], keywordNames: [try #require(Keyword("x"))], guid: "g",
                    pop3UIDL: "u", pop3Order: 3, body: .follows)),
            .body(Array("hello".utf8)),
            .message(
                BackupMessage(
                    mailbox: 1, uid: 3, modSeq: .zero, internalDate: 0, saveDate: 0, size: 0, flags: [], guid: "",
                    body: .before)),
            .gone(mailbox: 1, [.first]),
        ]
    }

    static func octets(_ items: [BackupItem]) -> [UInt8] {
        var writer = BackupWriter()
        var octets: [UInt8] = []
        for item in items { writer.append(item, to: &octets) }
        writer.appendEnd(to: &octets)
        return octets
    }

    static func read(_ octets: some Collection<UInt8>, pieces: Int) throws -> [BackupItem] {
        var reader = BackupReader()
        var items: [BackupItem] = []
        var rest = octets[...]
        while !rest.isEmpty {
            reader.append(rest.prefix(pieces))
            rest = rest.dropFirst(pieces)
            while let item = try reader.next() { items.append(item) }
        }
        try reader.finish()
        return items
    }

    @Test(arguments: [1, 2, 3, 7, 64, 100_000]) func readsWhatItWrote(_ pieces: Int) throws {
        let items = try Self.items()
        let read = try Self.read(Self.octets(items), pieces: pieces)
        #expect(read == items + [.end(messages: 2, octets: 5)])
    }

    @Test func longOnesAreSplit() throws {
        let body = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let uids = UIDSet((1...40_000).compactMap { UID(rawValue: UInt32($0) * 3) })
        let head = try Self.items()[0]
        var all = UIDSet()
        var octets: [UInt8] = []
        let read = try Self.read(Self.octets([head, .uids(mailbox: 1, uids), .messages, .body(body)]), pieces: 1 << 20)
        for item in read {
            switch item {
            case .uids(_, let some): for uid in some { all.insert(uid) }
            case .body(let piece):
                #expect(piece.count <= BackupWriter.bodyPiece)
                octets += piece
            default: break
            }
        }
        #expect(all == uids)
        #expect(octets == body)
        var writer = BackupWriter()
        var out: [UInt8] = []
        #expect(
            !writer.append(
                .script(name: "x", isActive: false, content: body + body + body + body + body + body), to: &out))
        #expect(out.isEmpty)
    }

    @Test func everyTruncationIsTold() throws {
        let octets = Self.octets(try Self.items())
        for end in 0..<octets.count {
            #expect {
                _ = try Self.read(octets[..<end], pieces: 1 << 20)
            } throws: {
                let error = $0 as? BackupError
                return error?.code == .truncated && error?.offset == UInt64(end)
            }
        }
    }

    @Test func everyChangeIsTold() throws {
        let items = try Self.items()
        let octets = Self.octets(items)
        for index in octets.indices {
            for flip: UInt8 in [1, 0x80] {
                var broken = octets
                broken[index] ^= flip
                #expect(throws: BackupError.self) { _ = try Self.read(broken, pieces: 1 << 20) }
            }
        }
    }

    @Test func framesOfAnotherPlaceAreTold() throws {
        // The last frames twice: each is right by itself, not there.
        let octets = Self.octets(try Self.items())
        let one = Self.octets([try Self.items()[0], .messages])
        let end = one.suffix(9 + 2)
        #expect(throws: BackupError.self) { _ = try Self.read(octets.dropLast(end.count) + end, pieces: 4096) }
    }

    @Test func newerOnesAreRefused() throws {
        var octets = Self.octets([try Self.items()[0]])
        // Version, then the frame's checksum anew.
        octets[13] = 2
        let length = Int(octets[8]) + 5
        let sum = octets.withUnsafeBytes {
            CRC32C.continued(0, UnsafeRawBufferPointer(rebasing: $0[8..<8 + length]))
        }
        for (index, shift) in [UInt32(0), 8, 16, 24].enumerated() {
            octets[8 + length + index] = UInt8(truncatingIfNeeded: sum >> shift)
        }
        #expect(throws: BackupError(.newer(2), offset: 8)) { _ = try Self.read(octets, pieces: 4096) }
        #expect(throws: BackupError(.noBackup, offset: 0)) { _ = try Self.read(Array("From a".utf8), pieces: 1) }
    }

    @Test func checksum() {
        let digits = Array("123456789".utf8)
        #expect(digits.withUnsafeBytes { CRC32C.continued(0, $0) } == 0xE306_9283)
        let first = digits[..<5].withUnsafeBytes { CRC32C.continued(0, $0) }
        #expect(digits[5...].withUnsafeBytes { CRC32C.continued(first, $0) } == 0xE306_9283)
    }
}
