import AdminCommands
import ArchiveCore
import MailCore
import TemporaryFiles
import Testing

@testable import martlet

@Suite struct ExportOutputTests {
    /// Forty mailboxes, a message in each but the last, and one more in the second that was moved meanwhile.
    private static func items() throws -> [BackupItem] {
        var items: [BackupItem] = [
            .begin(BackupHead(id: BackupID(high: 1, low: 2), base: nil, account: "anna", created: 0, writer: "test"))
        ]
        for number in UInt32(1)...40 {
            items.append(
                .mailbox(
                    BackupMailbox(
                        number: number, name: try #require(MailboxName("Box\(number)")), uidValidity: nil, uidNext: 1,
                        highestModSeq: .zero, guid: "", specialUse: "", accessList: [], keywords: [])))
        }
        items.append(.messages)
        for number in UInt32(1)...39 { items += Self.message(number, "Subject: \(number)\r\n\r\nThe first.\r\n") }
        return items + Self.message(2, "Subject: 2\r\n\r\nThe late one.\r\n")
    }

    private static func message(_ mailbox: UInt32, _ text: String) -> [BackupItem] {
        [
            .message(
                BackupMessage(
                    mailbox: mailbox, uid: 1, modSeq: .zero, internalDate: 0, saveDate: 0,
                    size: UInt32(text.utf8.count), flags: [], guid: "", body: .follows)),
            .body(Array(text.utf8)),
        ]
    }

    @Test func manyMailboxesTakeFewDescriptors() async throws {
        let temporary = try TemporaryDirectory()
        defer { withExtendedLifetime(temporary) {} }
        let directory = "\(temporary.path)/out"
        var writer = BackupWriter()
        var output = try ExportOutput(.mbox, directory)
        var most = 0
        for item in try Self.items() {
            var octets: [UInt8] = []
            writer.append(item, to: &octets)
            try await output.row([octets])
            most = max(most, OpenFiles.count(in: temporary.path))
        }
        var octets: [UInt8] = []
        writer.appendEnd(to: &octets)
        try await output.row([octets])
        // The export's directory, and a file with the one that it is in.
        #expect(most == 3)
        let written = try output.finish()
        #expect(written.reduce(0) { $0 + $1.messages } == 40)
        #expect(OpenFiles.count(in: temporary.path) <= 1)
        #expect(TemporaryDirectory.names(directory) == (1...40).map { "Box\($0).mbox" }.sorted())
        let text = String(decoding: try TemporaryDirectory.contents("\(directory)/Box2.mbox"), as: UTF8.self)
        #expect(text.contains("\n\nThe first.\n") && text.contains("\n\nThe late one.\n"))
        #expect(try TemporaryDirectory.contents("\(directory)/Box40.mbox") == [])
    }

    @Test func whatIsCutShortLeavesNoFile() async throws {
        let temporary = try TemporaryDirectory()
        defer { withExtendedLifetime(temporary) {} }
        let directory = "\(temporary.path)/out"
        try await Self.begin(directory)
        #expect(TemporaryDirectory.names(directory) == [])
    }

    private static func begin(_ directory: String) async throws {
        var writer = BackupWriter()
        var output = try ExportOutput(.mbox, directory)
        for item in try Self.items() {
            var octets: [UInt8] = []
            writer.append(item, to: &octets)
            try await output.row([octets])
        }
        #expect(throws: AdminError.self) { _ = try output.finish() }
    }
}
