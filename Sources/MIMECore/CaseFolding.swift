import MailCore

/// Unicode simple case folding of UTF-8 text, for substring search without regard to case.
public enum CaseFolding {
    /// Folds below U+0600, where nearly all folded text is: Latin, Greek, Cyrillic, Armenian.
    private static let low: [UInt16] = {
        var table = (0..<0x600).map(UInt16.init)
        for i in table.indices { table[i] = UInt16(truncatingIfNeeded: Self.slowFold(UInt32(i))) }
        return table
    }()

    @inline(__always)
    static func fold(_ scalar: UInt32) -> UInt32 {
        scalar < 0x600 ? UInt32(self.low[Int(scalar)]) : self.slowFold(scalar)
    }

    private static func slowFold(_ scalar: UInt32) -> UInt32 {
        if scalar < 0x80 { return scalar &- 0x41 < 26 ? scalar | 0x20 : scalar }
        let runs = CaseFoldingTable.runs
        var lower = 0
        var upper = runs.count
        while lower < upper {
            let middle = (lower + upper) / 2
            if runs[middle].last < scalar { lower = middle + 1 } else { upper = middle }
        }
        // Runs with a step interleave with their neighbours at most by one.
        for run in runs[lower..<min(lower + 2, runs.count)]
        where run.first <= scalar && scalar <= run.last && (scalar - run.first) % run.step == 0 {
            return UInt32(truncatingIfNeeded: Int64(scalar) + Int64(run.distance))
        }
        return scalar
    }

    /// Appends `text` folded. What is not UTF-8 stays as it is.
    public static func appendFolded(_ text: some Collection<UInt8>, to out: inout [UInt8]) {
        let done: Void? = text.withContiguousStorageIfAvailable { buffer in
            self.appendFolded(Octets(UnsafeRawBufferPointer(buffer)), to: &out)
        }
        if done == nil {
            Array(text).withUnsafeBytes { self.appendFolded(Octets($0), to: &out) }
        }
    }

    static func appendFolded(_ text: Octets, to out: inout [UInt8]) {
        out.reserveCapacity(out.count + text.count)
        var i = 0
        while i < text.count {
            let byte = text[i]
            if byte < 0x80 {
                out.append(ASCII.lowercased(byte))
                i += 1
                continue
            }
            let length = UTF8Text.sequenceLength(text, at: i)
            switch length {
            case 2: UTF8Text.append(self.fold(UInt32(byte & 0x1F) << 6 | UInt32(text[i + 1] & 0x3F)), to: &out)
            case 3:
                let scalar =
                    UInt32(byte & 0x0F) << 12 | UInt32(text[i + 1] & 0x3F) << 6 | UInt32(text[i + 2] & 0x3F)
                UTF8Text.append(self.fold(scalar), to: &out)
            case 4:
                let high = UInt32(byte & 0x07) << 18 | UInt32(text[i + 1] & 0x3F) << 12
                let scalar = high | UInt32(text[i + 2] & 0x3F) << 6 | UInt32(text[i + 3] & 0x3F)
                UTF8Text.append(self.fold(scalar), to: &out)
            default: out.append(byte)
            }
            i += Swift.max(1, length)
        }
    }
}
