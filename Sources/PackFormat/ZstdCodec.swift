import CDecompress
public import IndexedStore

/// Zstandard, by the system's library, which is opened at the first use.
public struct ZstdCodec: BodyCodec {
    /// 1 is fast, 19 is small.
    private let level: Int32

    /// The file name of the library.
    public static let library = "libzstd.so.1"

    /// `nil` when the library is not there.
    public init?(level: Int) {
        guard martlet_zstd_is_there() != 0 else { return nil }
        self.level = Int32(min(max(level, 1), 19))
    }

    public func pack(_ octets: UnsafeRawBufferPointer) -> [UInt8]? {
        let bound = martlet_zstd_bound(octets.count)
        guard bound > 0, let input = octets.bindMemory(to: UInt8.self).baseAddress else { return nil }
        let packed = [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
            count = martlet_zstd_pack(buffer.baseAddress, buffer.count, input, octets.count, self.level)
        }
        return packed.isEmpty ? nil : packed
    }

    public func unpack(_ packed: UnsafeRawBufferPointer, count: Int) -> [UInt8]? {
        guard let input = packed.bindMemory(to: UInt8.self).baseAddress else { return nil }
        let octets = [UInt8](unsafeUninitializedCapacity: count) { buffer, made in
            let isWhole = martlet_zstd_unpack(buffer.baseAddress, count, input, packed.count) != 0
            made = isWhole ? count : 0
        }
        return octets.count == count ? octets : nil
    }
}
