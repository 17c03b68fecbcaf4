import MailCore
import MailStore
import Testing

@testable import IndexedStore

@Suite struct ClosingTests {
    /// Nothing holds what is left of a closed volume: neither threads nor each other.
    @Test(arguments: TestFormat.allCases) func aClosedVolumeIsFreed(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        weak let weakVolume = try await self.use(volume)
        let end = ContinuousClock.now + .seconds(20)
        while weakVolume != nil, ContinuousClock.now < end { await Task.yield() }
        #expect(weakVolume == nil)
    }

    /// The volume of a store that was worked with and closed; nobody else keeps it.
    private func use(_ volume: TestVolume) async throws -> Volume {
        let store = try volume.open()
        let account = try await store.account(volume.identity("anna"))
        for number in 0..<3 { try await store.put(message("m\(number)"), account) }
        let inbox = try await account.open(.inbox, .readWrite, onChange: {})
        _ = try await inbox.remove([.first])
        inbox.close()
        let result = store.volume
        await store.close()
        return result
    }
}
