import IMAPCore

/// Positions in the order of numbers; those of equal numbers stay as they are. Linear time: octet by octet, from the
/// last to the first, without the octets that all numbers share.
struct NumberOrder {
    private(set) var positions: [Int32]

    init(_ numbers: [Int64], _ order: SortCommand.Order) {
        let count = numbers.count
        self.positions = (0..<Int32(clamping: count)).map { $0 }
        guard count > 1 else { return }
        // As unsigned numbers that ascend.
        let mask: UInt64 = order == .ascending ? 1 << 63 : ~(1 << 63)
        var keys = numbers.map { UInt64(bitPattern: $0) ^ mask }
        if count < 64 {
            self.positions.sort { (keys[Int($0)], $0) < (keys[Int($1)], $1) }
            return
        }
        var all: UInt64 = 0
        for key in keys { all |= key ^ keys[0] }
        var otherKeys = [UInt64](repeating: 0, count: count)
        var otherPositions = [Int32](repeating: 0, count: count)
        for shift in stride(from: UInt64(0), to: 64, by: 8) where all >> shift & 0xFF != 0 {
            var places = [Int](repeating: 0, count: 257)
            places.withUnsafeMutableBufferPointer { places in
                for key in keys { places[Int(truncatingIfNeeded: key >> shift & 0xFF) &+ 1] &+= 1 }
                for digit in 1..<257 { places[digit] &+= places[digit - 1] }
                otherKeys.withUnsafeMutableBufferPointer { otherKeys in
                    otherPositions.withUnsafeMutableBufferPointer { otherPositions in
                        for (key, position) in zip(keys, self.positions) {
                            let digit = Int(truncatingIfNeeded: key >> shift & 0xFF)
                            let place = places[digit]
                            places[digit] = place &+ 1
                            otherKeys[place] = key
                            otherPositions[place] = position
                        }
                    }
                }
            }
            swap(&keys, &otherKeys)
            swap(&self.positions, &otherPositions)
        }
    }
}
