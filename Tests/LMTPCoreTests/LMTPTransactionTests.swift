import LMTPCore
import Testing

@Suite struct LMTPTransactionTests {
    private func transaction(recipients: Int) -> LMTPTransaction<Int> {
        var transaction = LMTPTransaction<Int>(maximumRecipients: 10)
        transaction.receivedLHLO()
        _ = transaction.receivedMail(.null, MailParameters())
        for number in 0..<recipients { transaction.add(number) }
        return transaction
    }

    /// RFC 3030 section 2: chunks that were pipelined behind one that failed are no mistakes.
    @Test func chunksBehindAFailedOne() {
        var transaction = self.transaction(recipients: 1)
        #expect(transaction.receivedChunk() == nil)
        #expect(!transaction.hasFailedChunk)
        transaction.failedChunk()
        for _ in 0..<3 {
            #expect(transaction.hasFailedChunk)
            #expect(transaction.receivedChunk()?.code == 503)
        }
        #expect(transaction.receivedData()?.code == 503)
        #expect(transaction.mayAddRecipient()?.code == 503)
        #expect(transaction.sender == nil && transaction.recipients.isEmpty)
        // The next message needs no RSET.
        #expect(transaction.receivedMail(.null, MailParameters()) == nil)
        #expect(!transaction.hasFailedChunk)
        transaction.failedChunk()
        transaction.reset()
        #expect(!transaction.hasFailedChunk)
    }

    @Test func chunksWithoutRecipients() {
        var transaction = self.transaction(recipients: 0)
        #expect(!transaction.hasFailedChunk)
        #expect(transaction.receivedChunk()?.code == 503)
        #expect(transaction.hasFailedChunk)
        // Where there was no MAIL every chunk is a mistake.
        var idle = LMTPTransaction<Int>(maximumRecipients: 10)
        idle.receivedLHLO()
        #expect(idle.receivedChunk()?.code == 503)
        idle.failedChunk()
        #expect(!idle.hasFailedChunk)
    }
}
