import Testing

@testable import ArchiveCore

@Suite struct BackupChainTests {
    /// A backup by number, of which another one is the base.
    private static func link(_ number: UInt64, _ base: UInt64? = nil, _ account: String = "anna") -> BackupChain.Link {
        BackupChain.Link(
            "a\(number)",
            BackupHead(
                id: BackupID(high: 0, low: number), base: base.map { BackupID(high: 0, low: $0) }, account: account,
                created: 0, writer: ""))
    }

    @Test func chainsAreRight() {
        #expect(BackupChain.mistakes([Self.link(0)]) == [])
        #expect(BackupChain.mistakes([Self.link(0), Self.link(1, 0), Self.link(2, 1)]) == [])
        // A public namespace, backed up in another user's name.
        #expect(BackupChain.mistakes([Self.link(0), Self.link(1, 0, "bert")]) == [])
    }

    @Test func aMissingOneIsNoticed() {
        let mistakes = BackupChain.mistakes([Self.link(0), Self.link(2, 1)])
        #expect(mistakes.count == 1)
        #expect(mistakes.first?.hasPrefix("a2 is an increment of backup 00000000000000000000000000000001") == true)
    }

    @Test func theFirstOneMustBeWhole() {
        #expect(BackupChain.mistakes([Self.link(1, 0)]).count == 1)
    }

    @Test func theOrderIsNoticed() {
        #expect(
            BackupChain.mistakes([Self.link(0), Self.link(2, 1), Self.link(1, 0)]) == [
                "a2 is an increment of a1, which must stand right before it",
                "a1 is an increment of a0, which must stand right before it",
            ])
    }

    @Test func twoUsersAreNoticed() {
        #expect(
            BackupChain.mistakes([Self.link(0), Self.link(7, nil, "bert")]) == [
                "a7 is a whole backup of bert, not of anna, and no increment of a0"
            ])
    }

    @Test func oneTwiceIsNoticed() {
        #expect(
            BackupChain.mistakes([Self.link(0), Self.link(0)]) == ["a0 is the same backup as a0; give each once"])
        #expect(
            BackupChain.mistakes([Self.link(0), Self.link(1, 0), Self.link(1, 0)]) == [
                "a1 is the same backup as a1; give each once"
            ])
    }
}
