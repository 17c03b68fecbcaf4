import NIOCore

/// Both directions of a connection whose octets are compressed. The state of zlib is there only while it is used.
final class Compression {
    /// Content made at once; the session takes it before there is more, so a small input that stands for a huge content
    /// costs time and no memory.
    private static let piece = 16 * 1024
    /// After so much silence the state of zlib is given up.
    static let idleTime = TimeAmount.seconds(10)

    /// Octets from the peer that are not yet inflated.
    var input = ByteBuffer()
    /// The stream was complete; what follows does not belong to it.
    private(set) var inputEnded = false
    /// The peer compresses no more behind what the session has read.
    var isEnding = false
    private let level: Int
    private var deflater: Deflater?
    private var inflater: Inflater?
    /// The content's end, while there is no inflater.
    private var window: [UInt8] = []
    private var lastUse = NIODeadline.now()
    private var timer: Scheduled<Void>?

    init(level: Int) { self.level = level }

    /// Whether there is more to inflate.
    var hasMore: Bool {
        self.input.readableBytes > 0 || (!self.inputEnded && self.inflater?.isFull ?? false)
    }

    /// Whether `input` begins with what comes behind the stream, given that this is text. Of the stream itself there may
    /// still be an empty block, which ends a piece and begins with a control character where no bit of it is read yet.
    var isBehindStream: Bool {
        guard !self.inputEnded else { return true }
        guard self.inflater?.isBehindFlush ?? true else { return false }
        return self.input.getInteger(at: self.input.readerIndex, as: UInt8.self).map { $0 >= 0x20 } ?? false
    }

    /// Compressed output, complete for the peer; `nil` when there is no memory.
    func compress(_ octets: [UInt8], _ end: Deflater.End, _ allocator: ByteBufferAllocator) -> ByteBuffer? {
        self.lastUse = .now()
        if self.deflater == nil { self.deflater = Deflater(level: self.level) }
        guard let deflater = self.deflater else { return nil }
        return octets.withUnsafeBytes { deflater.compress($0, end, allocator) }
    }

    /// Appends the next piece of content to `out`.
    func inflate(into out: inout ByteBuffer, _ allocator: ByteBufferAllocator) -> Inflater.Outcome {
        guard self.hasMore else { return .fine }
        self.lastUse = .now()
        if self.inflater == nil {
            self.inflater = Inflater(window: self.window)
            self.window = []
        }
        guard let inflater = self.inflater else { return .damaged }
        // Commands are short; what has much to say has a large input too.
        let limit = min(Self.piece, max(512, 4 * self.input.readableBytes))
        if out.readableBytes == 0 { out = allocator.buffer(capacity: limit) } else { out.discardReadBytes() }
        guard !self.inputEnded else { return .ended }
        let outcome = inflater.inflate(&self.input, into: &out, limit: limit)
        if self.input.readableBytes == 0 { self.input = ByteBuffer() }
        if case .ended = outcome { self.inputEnded = true }
        return outcome
    }

    // MARK: idle connections

    /// Has the state of zlib given up when nothing is sent or received for a while.
    func noteWait(_ loop: any EventLoop) {
        guard self.timer == nil, self.deflater != nil || self.inflater != nil else { return }
        self.timer = loop.assumeIsolated().scheduleTask(deadline: self.lastUse + Self.idleTime) {
            self.timer = nil
            if self.lastUse + Self.idleTime <= .now() { self.rest() } else { self.noteWait(loop) }
        }
    }

    /// Gives up what can be made again: from 180 KiB to what the peer has said so far, at most 32 KiB.
    func rest() {
        self.deflater = nil
        if !self.hasMore, let window = self.inflater?.pause() {
            self.window = window
            self.inflater = nil
        }
    }

    func end() {
        self.timer?.cancel()
        self.timer = nil
        self.input = ByteBuffer()
        self.inflater = nil
        self.deflater = nil
    }
}
