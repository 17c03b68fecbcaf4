import Glibc
import MailCore
import MailStore
import Testing

@testable import IndexedStore

/// The space of large bodies comes back before that of their segments.
@Suite struct LargeBodyHoleTests {
    private func blocks(_ path: String) -> Int {
        Shell.names(path).filter { $0.hasSuffix(".segment") }.reduce(0) { sum, name in
            var status = stat()
            return stat("\(path)/\(name)", &status) == 0 ? sum + Int(status.st_blocks) * 512 : sum
        }
    }

    @Test func spaceComesBack() async throws {
        let volume = try TestVolume(.pack)
        let identity = volume.identity("anna")
        let log = "\(volume.directory)/volume/log"
        func change(_ configuration: inout IndexedStore.Configuration) {
            configuration.logSegmentSize = 16 << 20
            // Nothing is cleaned: what comes back comes by holes.
            configuration.cleaningThreshold = 0
        }
        let large = message("large", lines: 150_000)
        try await volume.with(change) { store in
            let account = try await store.account(identity)
            for number in 0..<4 {
                try await store.put(message("s\(number)"), account)
                try await store.put(large, account)
            }
            // Into the next segment.
            for _ in 0..<4 { try await store.put(large, account) }
            try await store.keepLogShort()
            let before = self.blocks(log)
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            _ = try await inbox.remove([UID(nonZero: 2), UID(nonZero: 4)])
            inbox.close()
            try await store.keepLogShort()
            try await store.keepLogShort()
            #expect(self.blocks(log) < before - 2 * (3 << 20))
            #expect(Shell.names(log).contains { $0.hasSuffix(".holes") })
            #expect(try await store.verifyLog(from: 0).findings == [])
        }
        for losesIndex in [false, true] {
            if losesIndex { Shell.remove("\(volume.directory)/volume/index") }
            try await volume.with(change) { store in
                let account = try await store.account(identity)
                let inbox = try await account.open(.inbox, .readOnly, onChange: {})
                #expect(try await inbox.subjects().count == 10)
                inbox.close()
                let slice = try await store.verify(.inbox, of: account, from: nil, .examine)
                #expect(slice.findings == [])
                var next: UInt32? = 0
                while let first = next {
                    let slice = try await store.verifyLog(from: first)
                    #expect(slice.findings == [])
                    next = slice.next
                }
            }
        }
        #expect(volume.problems.allSatisfy { $0.hasPrefix("the index is gone") })
    }
}
