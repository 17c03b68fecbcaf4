import MailCore

/// A message, or a section of one, with other transfer encodings than it was stored with: what BINARY answers
/// (RFC 3516), and what an appended `literal8` becomes.
///
/// A list of pieces over the message; nothing of the message itself is held. `Reader` makes the octets, run by run.
public struct Transcoding: Sendable {
    enum Piece: Sendable {
        /// Octets of the message as they are.
        case copy(Range<Int>)
        case text([UInt8])
        /// A body to decode.
        case decode(Range<Int>, TransferEncoding)
        /// A body to write in base64, in lines of 76 characters without a last line end.
        case encode(Range<Int>)
    }

    /// Why a section has no decoded form.
    public enum Failure: Error, Hashable, Sendable {
        /// Its `Content-Transfer-Encoding` is none that is known.
        case unknownEncoding
        /// It is not encoded as it says.
        case damaged
    }

    private(set) var pieces: [Piece] = []
    /// Octets of the result.
    public private(set) var count = 0
    /// Whether there is a NUL among them. Not looked for in what is encoded here.
    public private(set) var containsNUL = false

    init() {}

    /// A message as it is.
    public init(copying message: UnsafeRawBufferPointer) {
        self.copy(0..<message.count, of: Octets(message))
    }

    mutating func copy(_ range: Range<Int>, of message: Octets) {
        guard !range.isEmpty else { return }
        self.count += range.count
        if message[range].index(of: 0) != nil { self.containsNUL = true }
        self.pieces.append(.copy(range))
    }

    mutating func append(_ text: [UInt8]) {
        guard !text.isEmpty else { return }
        self.count += text.count
        self.pieces.append(.text(text))
    }

    mutating func encode(_ range: Range<Int>) {
        guard !range.isEmpty else { return }
        self.count += (range.count + 2) / 3 * 4 + (range.count - 1) / Self.lineInput * 2
        self.pieces.append(.encode(range))
    }

    /// What a body decodes to.
    struct Measure {
        var count = 0
        var containsNUL = false
    }

    /// `nil` for a damaged body.
    static func measure(_ body: Octets, _ encoding: TransferEncoding) -> Measure? {
        var decoder = TransferDecoder(encoding)
        var decoded: [UInt8] = []
        var measure = Measure()
        var position = 0
        while position < body.count {
            let end = Swift.min(body.count, position + Self.step)
            decoder.decode(body[position..<end], into: &decoded)
            position = end
            if position == body.count { decoder.finish(into: &decoded) }
            measure.count += decoded.count
            if !measure.containsNUL {
                measure.containsNUL = decoded.withUnsafeBytes { Octets($0).index(of: 0) != nil }
            }
            decoded.removeAll(keepingCapacity: true)
        }
        return decoder.isDamaged ? nil : measure
    }

    /// Adds a body to decode, to exactly the octets that were encoded. Text in base64 or quoted-printable whose lines
    /// end in a bare LF keeps them: who asks for BINARY wants what the sender encoded, signatures over the decoded text
    /// hold only for these octets, and nothing can tell text from data that is called text.
    mutating func decode(_ range: Range<Int>, _ encoding: TransferEncoding, _ measure: Measure) {
        guard !range.isEmpty else { return }
        self.count += measure.count
        if measure.containsNUL { self.containsNUL = true }
        self.pieces.append(.decode(range, encoding))
    }

    /// Octets of input that are decoded at once.
    private static let step = 48 * 1024
    /// Octets that make a line of base64.
    static let lineInput = 57

    /// The octets from `first` on, at most `count`.
    public func reader(first: Int = 0, count: Int = .max) -> Reader {
        let start = Swift.max(0, Swift.min(first, self.count))
        return Reader(
            pieces: self.pieces, skip: start, remaining: Swift.min(Swift.max(0, count), self.count - start))
    }
}

extension Transcoding {
    /// Makes the octets of a transcoding, or of a run of it, in small runs.
    public struct Reader: Sendable {
        private let pieces: [Piece]
        private var index = 0
        /// Octets of the current piece's input that are used up.
        private var position = 0
        private var decoder: TransferDecoder?
        /// Octets of output still to be passed over.
        private var skip: Int
        /// Octets still to come.
        public private(set) var remaining: Int

        init(pieces: [Piece], skip: Int, remaining: Int) {
            self.pieces = pieces
            self.skip = skip
            self.remaining = remaining
        }

        /// Whether octets before the wanted ones are still to be passed over, which takes time where they are encoded.
        public var isSkipping: Bool { self.skip > 0 && self.remaining > 0 }

        /// Appends a run made from some ten thousand octets of `message`, perhaps an empty one. `false` when
        /// everything has been appended.
        public mutating func next(_ message: UnsafeRawBufferPointer, into out: inout [UInt8]) -> Bool {
            guard self.remaining > 0, self.index < self.pieces.count else { return false }
            let start = out.count
            switch self.pieces[self.index] {
            case .copy(let range): self.copy(Octets(message)[range], into: &out)
            case .text(let text): text.withUnsafeBytes { self.copy(Octets($0), into: &out) }
            case .decode(let range, let encoding):
                self.decode(Octets(message)[range], encoding, into: &out)
            case .encode(let range): self.encode(Octets(message)[range], into: &out)
            }
            let made = out.count - start
            if self.skip > 0 {
                let passed = Swift.min(self.skip, made)
                out.removeSubrange(start..<start + passed)
                self.skip -= passed
            }
            let excess = out.count - start - self.remaining
            if excess > 0 { out.removeLast(excess) }
            self.remaining -= out.count - start
            return true
        }

        /// Passes over most of what comes before the wanted octets, however much that is.
        public mutating func skip(in message: UnsafeRawBufferPointer) {
            var passed: [UInt8] = []
            // A run makes no more than this, so none of the wanted octets are lost.
            while self.skip > 2 * Transcoding.step, self.next(message, into: &passed) {
                passed.removeAll(keepingCapacity: true)
            }
        }

        private mutating func copy(_ piece: Octets, into out: inout [UInt8]) {
            // What is not encoded need not be read to be passed over.
            let passed = Swift.min(self.skip, piece.count - self.position)
            self.skip -= passed
            self.position += passed
            let end = Swift.min(piece.count, self.position + Swift.min(Transcoding.step, self.remaining))
            out.append(contentsOf: piece[self.position..<end].buffer)
            self.position = end
            if end == piece.count { self.nextPiece() }
        }

        private mutating func decode(
            _ piece: Octets, _ encoding: TransferEncoding, into out: inout [UInt8]
        ) {
            var decoder = TransferDecoder(encoding)
            if let current = self.decoder { decoder = current }
            self.decoder = nil
            let end = Swift.min(piece.count, self.position + Transcoding.step)
            decoder.decode(piece[self.position..<end], into: &out)
            self.position = end
            if end == piece.count {
                decoder.finish(into: &out)
                self.nextPiece()
            } else {
                self.decoder = decoder
            }
        }

        private mutating func encode(_ piece: Octets, into out: inout [UInt8]) {
            let lines = Transcoding.step / Transcoding.lineInput
            for _ in 0..<lines where self.position < piece.count {
                let end = Swift.min(piece.count, self.position + Transcoding.lineInput)
                out.append(contentsOf: Base64.encode(piece[self.position..<end].buffer))
                if end < piece.count { out.append(contentsOf: [0x0D, 0x0A]) }
                self.position = end
            }
            if self.position == piece.count { self.nextPiece() }
        }

        private mutating func nextPiece() {
            self.index += 1
            self.position = 0
            self.decoder = nil
        }
    }
}
