import MailCore
import Synchronization

/// Makes base names that no other delivery into the same file system has. Thread-safe.
final class MaildirNames: Sendable {
    private let clock: @Sendable () -> MaildirOptions.WallTime
    private let middle: [UInt8]
    private let suffix: [UInt8]
    private let counter = Atomic<UInt64>(0)

    init(_ options: MaildirOptions) {
        self.clock = options.clock
        self.middle = Array("P\(options.processID)Q".utf8)
        var host: [UInt8] = [0x2E]
        // As the Maildir specification has it: `/` and `:` cannot stand in a name; `,` begins a size.
        for byte in options.hostName.utf8.prefix(100) {
            switch byte {
            case 0x2F: host.append(contentsOf: "\\057".utf8)
            case 0x3A: host.append(contentsOf: "\\072".utf8)
            case 0x2C: host.append(contentsOf: "\\054".utf8)
            case 0x21...0x7E: host.append(byte)
            default: host.append(UInt8(ascii: "_"))
            }
        }
        if host.count == 1 { host.append(contentsOf: "localhost".utf8) }
        self.suffix = host
    }

    /// A new base name that tells both sizes in octets: in the file, and with CRLF line ends.
    func next(size: Int, wireSize: Int) -> [UInt8] {
        var name = self.stem()
        name.append(contentsOf: ",S=".utf8)
        name.appendDecimal(UInt64(max(0, size)))
        name.append(contentsOf: ",W=".utf8)
        name.appendDecimal(UInt64(max(0, wireSize)))
        return name
    }

    /// A new base name with the sizes that `base` tells.
    func next(like base: [UInt8]) -> [UInt8] {
        var name = self.stem()
        base.withUnsafeBytes { bytes in
            for key in [UInt8(ascii: "S"), UInt8(ascii: "W")] {
                guard let value = MaildirFilename.size(key, in: bytes) else { continue }
                name.append(contentsOf: [UInt8(ascii: ","), key, UInt8(ascii: "=")])
                name.appendDecimal(value)
            }
        }
        return name
    }

    /// A new name without sizes.
    func stem() -> [UInt8] {
        let now = self.clock()
        let number = self.counter.add(1, ordering: .relaxed).newValue
        var name: [UInt8] = []
        name.reserveCapacity(80)
        name.appendDecimal(UInt64(max(0, now.seconds)))
        name.append(contentsOf: ".M".utf8)
        name.appendDecimal(UInt64(now.microseconds))
        name.append(contentsOf: self.middle)
        name.appendDecimal(number)
        name.append(contentsOf: self.suffix)
        return name
    }
}
