import CLinux
import Testing

@Suite struct ChecksumTests {
    @Test func knownVector() {
        #expect(martlet_crc32c(0, "123456789", 9) == 0xE306_9283)
        #expect(martlet_crc32c(0, "", 0) == 0)
        // RFC 3720 appendix B.4: 32 octets of zeros, of ones, ascending.
        #expect(martlet_crc32c(0, [UInt8](repeating: 0, count: 32), 32) == 0x8A91_36AA)
        #expect(martlet_crc32c(0, [UInt8](repeating: 0xFF, count: 32), 32) == 0x62A8_AB43)
        #expect(martlet_crc32c(0, [UInt8](0..<32), 32) == 0x46DD_794E)
    }

    @Test func continuesAcrossEverySplit() {
        let bytes = octets(70, 3)
        let whole = martlet_crc32c(0, bytes, bytes.count)
        for split in 0...bytes.count {
            let first = martlet_crc32c(0, bytes, split)
            #expect(martlet_crc32c(first, Array(bytes[split...]), bytes.count - split) == whole)
        }
    }
}

enum ChecksumOf {
    /// Checksum of a segment header's first copy.
    static func header(_ file: [UInt8]) -> UInt32 { martlet_crc32c(0, file, 60) }
}
