import IndexedStore
import MailCore
import MailStore
import Testing

@Suite struct FiguresTests {
    @Test(arguments: TestFormat.allCases) func ofAVolume(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        try await volume.with { store in
            let anna = try await store.account(volume.identity("anna"))
            for number in 0..<20 { try await store.put(message("m\(number)"), anna) }
            try await anna.setQuotaLimits(QuotaLimits(storage: 1 << 30, messages: 100))
            try await store.finishFileWork()
            let first = try await store.figures()
            #expect(first.failure == nil)
            #expect(first.accounts == 1)
            #expect(first.logSegments == 1 && first.logOctets > 4000)
            #expect(first.lastRecord > 20)
            #expect(first.indexOctets > 4096)
            #expect(first.checkpointTime == nil)
            #expect(first.outgoing == 0 && first.outgoingOctets == 0)
            #expect(first.freeOctets > 0)
            try await store.keepLogShort()
            let second = try await store.figures()
            #expect(second.checkpointTime != nil)
            #expect(second.unflushed == 0 && second.unapplied == 0)
        }
        // Limits of an administrator are in the checkpoint, and behind it in the log.
        for limits in [QuotaLimits(storage: 1 << 30, messages: 100), QuotaLimits(storage: 5, messages: nil)] {
            Shell.remove("\(volume.directory)/volume/index")
            try await volume.with { store in
                let anna = try await store.account(volume.identity("anna"))
                #expect(anna.ownQuotaLimits == limits)
                #expect(anna.quotaNow.limits == limits)
                try await anna.setQuotaLimits(QuotaLimits(storage: 5, messages: nil))
            }
        }
    }
}
