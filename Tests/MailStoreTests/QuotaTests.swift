import MailStore
import Testing

@Suite struct QuotaTests {
    @Test(arguments: [
        (Int64(0), UInt64(0)), (1, 1), (1024, 1), (1025, 2), (-1, 0), (.min, 0), (.max, 9_007_199_254_740_992),
    ])
    func kibibytes(_ octets: Int64, _ units: UInt64) {
        #expect(QuotaUsage.kibibytes(octets) == units)
    }
}
