import CLoad
import Glibc

/// Looking for octets in octets.
enum Octets {
    static func find(_ needle: [UInt8], in octets: [UInt8], from start: Int = 0) -> Int? {
        octets.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, start <= bytes.count,
                let found = memmem(base + start, bytes.count - start, needle, needle.count)
            else { return nil }
            return UnsafeRawPointer(found) - base
        }
    }
}
