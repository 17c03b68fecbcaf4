import MIMECore

/// The octets of a message on its way to a program, with the line ends of Unix.
struct UnixMessage {
    private let octets: Octets
    private var prefix: [UInt8]
    private var returnPaths: [Range<Int>] = []
    private var position = 0

    /// All of it. Valid as long as `bytes`.
    init(_ bytes: UnsafeRawBufferPointer) {
        self.octets = Octets(bytes)
        self.prefix = []
    }

    /// A message behind fields that are put before it, without Return-Path, which is for the last MTA to write. Valid as
    /// long as `bytes`.
    init(_ bytes: UnsafeRawBufferPointer, sentOnWith prefix: [UInt8]) {
        self.octets = Octets(bytes)
        self.prefix = prefix.filter { $0 != 0x0D }
        for field in HeaderScanner(self.octets)
        where self.octets[field.name].equals(lowercase: "return-path") {
            self.returnPaths.append(field.range)
        }
        self.returnPaths.reverse()
    }

    /// The next piece of some size; empty at the end.
    mutating func next(size: Int = 65_536) -> [UInt8] {
        var out = self.prefix
        self.prefix = []
        out.reserveCapacity(size)
        while self.position < self.octets.count, out.count < size {
            if let skipped = self.returnPaths.last, self.position >= skipped.lowerBound {
                self.position = max(self.position, skipped.upperBound)
                self.returnPaths.removeLast()
                continue
            }
            let byte = self.octets[self.position]
            self.position += 1
            if byte == 0x0D, self.octets[self.position] == 0x0A, self.position < self.octets.count {
                continue
            }
            out.append(byte)
        }
        return out
    }
}
