import CZlib
import NIOCore

/// Reads a raw DEFLATE stream (RFC 1951), some octets of its content at a time.
final class Inflater {
    /// What a look at the input gave.
    enum Outcome {
        /// Nothing wrong; there may be no new octets.
        case fine
        /// The stream says that it is complete.
        case ended
        case damaged
    }

    private let stream: UnsafeMutablePointer<martlet_z_stream>
    /// Whether the last run was full, so that more may be had without more input.
    private(set) var isFull = false

    /// - Parameter window: what an inflater that was here before answered to `pause`; the stream goes on.
    /// `nil` when there is no memory.
    init?(window: [UInt8] = []) {
        let stream = UnsafeMutablePointer<martlet_z_stream>.allocate(capacity: 1)
        stream.initialize(to: martlet_z_stream())
        guard martlet_inflate_begin(stream) == MARTLET_Z_OK else {
            stream.deallocate()
            return nil
        }
        self.stream = stream
        if !window.isEmpty { inflateSetDictionary(stream, window, UInt32(window.count)) }
    }

    deinit {
        inflateEnd(self.stream)
        self.stream.deallocate()
    }

    /// Appends at most `limit` octets to `out`, and takes from `input` what they were made of. Stops behind each block, so
    /// that nothing is read that may not belong to the stream.
    func inflate(_ input: inout ByteBuffer, into out: inout ByteBuffer, limit: Int) -> Outcome {
        var result: Int32 = MARTLET_Z_OK
        let stream = self.stream
        input.readWithUnsafeReadableBytes { compressed in
            let count = min(compressed.count, 1 << 30)
            stream.pointee.next_in = compressed.baseAddress?.assumingMemoryBound(to: UInt8.self)
            stream.pointee.avail_in = UInt32(count)
            out.writeWithUnsafeMutableBytes(minimumWritableBytes: limit) { space in
                stream.pointee.next_out = space.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.pointee.avail_out = UInt32(limit)
                result = CZlib.inflate(stream, MARTLET_Z_BLOCK)
                return limit - Int(stream.pointee.avail_out)
            }
            return count - Int(stream.pointee.avail_in)
        }
        self.isFull = stream.pointee.avail_out == 0
        // Between blocks (128) behind the last one (64).
        if result == MARTLET_Z_OK, stream.pointee.data_type & 192 == 192 { return .ended }
        switch result {
        // The latter: no progress without more input.
        case MARTLET_Z_OK, MARTLET_Z_BUF_ERROR: return .fine
        case MARTLET_Z_STREAM_END: return .ended
        default: return .damaged
        }
    }

    /// Whether the stream is between blocks, not behind its last one, with no bit of the next octet in hand.
    var isBehindFlush: Bool { self.stream.pointee.data_type == 128 && !self.isFull }

    /// What a later inflater must know to go on here: the content's last octets, as many as there were, at most 32 KiB.
    /// `nil` where a stream cannot be picked up again, which is anywhere but behind a flush.
    func pause() -> [UInt8]? {
        guard self.isBehindFlush else { return nil }
        var length: UInt32 = 0
        guard inflateGetDictionary(self.stream, nil, &length) == MARTLET_Z_OK, length <= 32_768 else { return nil }
        var window = [UInt8](repeating: 0, count: Int(length))
        guard length > 0 else { return window }
        guard inflateGetDictionary(self.stream, &window, &length) == MARTLET_Z_OK else { return nil }
        return window
    }
}
