import MIMECore

/// What a program reads, in pieces, with the line ends that were asked for.
struct ProgramInput {
    private let octets: Octets
    private let lineEnd: SieveProgramOptions.LineEnd
    private var position = 0

    /// Valid as long as `bytes`, which have the line ends of messages.
    init(_ bytes: UnsafeRawBufferPointer, _ lineEnd: SieveProgramOptions.LineEnd) {
        self.octets = Octets(bytes)
        self.lineEnd = lineEnd
    }

    /// The next piece of some size; empty at the end.
    mutating func next(size: Int = 65_536) -> [UInt8] {
        let end = min(self.octets.count, self.position + size)
        guard self.lineEnd == .lf else {
            defer { self.position = end }
            return Array(self.octets[self.position..<end].buffer)
        }
        var piece: [UInt8] = []
        piece.reserveCapacity(size)
        // A piece may come out shorter, but not empty before the end.
        while self.position < self.octets.count, self.position < end || piece.isEmpty {
            let byte = self.octets[self.position]
            self.position += 1
            if byte == 0x0D, self.position < self.octets.count, self.octets[self.position] == 0x0A { continue }
            piece.append(byte)
        }
        return piece
    }
}
