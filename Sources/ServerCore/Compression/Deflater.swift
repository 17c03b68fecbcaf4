import CZlib
import NIOCore

/// Compresses octets into a raw DEFLATE stream (RFC 1951), each piece up to where the peer can read all of it.
///
/// A stream may be begun by one deflater and go on with another: each piece ends on an octet (an empty stored block), and
/// a new deflater refers to nothing before it. So an idle connection holds none.
final class Deflater {
    /// 16 KiB of window and the hash tables that belong to it: 128 KiB, half of zlib's default. Measured on mail, message
    /// bodies become no larger by it, header lists by 6 %; with half again, bodies by 2 % and headers by 14 %.
    private static let windowBits: Int32 = 14
    private static let memoryLevel: Int32 = 7

    private let stream: UnsafeMutablePointer<martlet_z_stream>

    /// - Parameter level: 0 (stored) to 9 (smallest, slowest).
    /// `nil` when there is no memory.
    init?(level: Int) {
        let stream = UnsafeMutablePointer<martlet_z_stream>.allocate(capacity: 1)
        stream.initialize(to: martlet_z_stream())
        let level = Int32(min(9, max(0, level)))
        guard martlet_deflate_begin(stream, level, Self.windowBits, Self.memoryLevel) == MARTLET_Z_OK else {
            stream.deallocate()
            return nil
        }
        self.stream = stream
    }

    deinit {
        deflateEnd(self.stream)
        self.stream.deallocate()
    }

    /// What follows a piece.
    enum End {
        /// More of the stream, some time.
        case flush
        /// Nothing: the stream says so itself.
        case finish
    }

    /// The compressed form of `octets`; `nil` when zlib refuses, which it has no reason to.
    func compress(
        _ octets: UnsafeRawBufferPointer, _ end: End, _ allocator: ByteBufferAllocator
    ) -> ByteBuffer? {
        var out = allocator.buffer(capacity: octets.count / 2 + 64)
        var rest = octets
        repeat {
            // The interface counts in 32 bits.
            let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(piece.count))
            self.stream.pointee.next_in = piece.baseAddress?.assumingMemoryBound(to: UInt8.self)
            self.stream.pointee.avail_in = UInt32(piece.count)
            let last = end == .flush ? MARTLET_Z_SYNC_FLUSH : MARTLET_Z_FINISH
            let flush = rest.isEmpty ? last : MARTLET_Z_NO_FLUSH
            // zlib is done when it leaves room.
            repeat {
                var result: Int32 = MARTLET_Z_OK
                out.writeWithUnsafeMutableBytes(minimumWritableBytes: 64) { space in
                    let room = min(space.count, 1 << 30)
                    self.stream.pointee.next_out = space.baseAddress?.assumingMemoryBound(to: UInt8.self)
                    self.stream.pointee.avail_out = UInt32(room)
                    result = deflate(self.stream, flush)
                    return room - Int(self.stream.pointee.avail_out)
                }
                if result == MARTLET_Z_STREAM_END { return out }
                guard result == MARTLET_Z_OK || result == MARTLET_Z_BUF_ERROR else { return nil }
            } while self.stream.pointee.avail_out == 0
        } while !rest.isEmpty
        return out
    }
}
