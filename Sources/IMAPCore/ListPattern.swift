/// A pattern of LIST: `*` stands for any text, `%` for any text without the hierarchy separator (RFC 9051
/// section 6.3.9). Works on octets, so on wire names or on UTF-8.
public struct ListPattern: Hashable, Sendable {
    private enum Element: Hashable {
        case octet(UInt8)
        case anything
        case level
    }

    private let elements: [Element]
    private let separator: UInt8
    /// The places of `anything` and of `level`, where all places fit into a word.
    private var anythings: UInt64 = 0
    private var levels: UInt64 = 0

    /// The most elements whose places, and the one behind them, fit into a word.
    private static let maximumInWord = 63

    /// `pattern` is reference and pattern joined. Neighbouring wildcards become one, so that their number
    /// does not matter.
    public init(_ pattern: [UInt8], separator: UInt8) {
        var elements: [Element] = []
        elements.reserveCapacity(pattern.count)
        for byte in pattern {
            switch byte {
            case UInt8(ascii: "*"):
                while elements.last == .level || elements.last == .anything { elements.removeLast() }
                elements.append(.anything)
            case UInt8(ascii: "%"):
                if elements.last != .level, elements.last != .anything { elements.append(.level) }
            default:
                elements.append(.octet(byte))
            }
        }
        self.elements = elements
        self.separator = separator
        guard elements.count <= Self.maximumInWord else { return }
        for (index, element) in elements.enumerated() {
            switch element {
            case .anything: self.anythings |= 1 << UInt64(index)
            case .level: self.levels |= 1 << UInt64(index)
            case .octet: break
            }
        }
    }

    /// How a name stands to a pattern.
    public enum Match: Hashable, Sendable {
        /// The whole name matches.
        case full
        /// The name does not match, but a name below it may.
        case below
        case none
    }

    /// Time is at worst proportional to the name's length and the pattern's, or to the square of the name's where the
    /// pattern is longer; only patterns over 63 elements take memory.
    public func match(_ name: [UInt8]) -> Match {
        guard self.elements.count > Self.maximumInWord else { return self.matchInWord(name) }
        var states = self.startStates()
        for byte in name {
            states = self.step(states, byte)
            if !states.contains(true) { return .none }
        }
        if states.count > self.elements.count, states[self.elements.count] { return .full }
        return self.step(states, self.separator).contains(true) ? .below : .none
    }

    /// The same with the states as the bits of a word.
    private func matchInWord(_ name: [UInt8]) -> Match {
        var states = self.withWildcardsSkipped(1)
        for byte in name {
            states = self.step(states, byte)
            if states == 0 { return .none }
        }
        if states >> UInt64(self.elements.count) != 0 { return .full }
        return self.step(states, self.separator) != 0 ? .below : .none
    }

    private func step(_ states: UInt64, _ byte: UInt8) -> UInt64 {
        var next = states & (byte == self.separator ? self.anythings : self.anythings | self.levels)
        var left = states & ~(self.anythings | self.levels)
        while left != 0 {
            let index = left.trailingZeroBitCount
            left &= left &- 1
            guard index < self.elements.count, self.elements[index] == .octet(byte) else { continue }
            next |= 1 << UInt64(index + 1)
        }
        return self.withWildcardsSkipped(next)
    }

    /// A wildcard also matches nothing. Two never stand beside each other.
    private func withWildcardsSkipped(_ states: UInt64) -> UInt64 {
        states | (states & (self.anythings | self.levels)) << 1
    }

    /// Whether the whole name matches.
    public func matches(_ name: [UInt8]) -> Bool { self.match(name) == .full }

    /// `states[i]`: the first `i` elements can match what was read so far. What cannot be reached yet is left out.
    private func startStates() -> [Bool] {
        var states = [Bool](repeating: false, count: min(2, self.elements.count + 1))
        states[0] = true
        self.skipWildcards(&states)
        return states
    }

    /// A wildcard also matches nothing. Two never stand beside each other.
    private func skipWildcards(_ states: inout [Bool]) {
        for (index, element) in zip(states.indices, self.elements) where states[index] {
            switch element {
            case .anything, .level: states[index + 1] = true
            case .octet: break
            }
        }
    }

    private func step(_ states: [Bool], _ byte: UInt8) -> [Bool] {
        // An octet leads to the next element, and that may be a wildcard.
        var next = [Bool](repeating: false, count: min(states.count + 2, self.elements.count + 1))
        for (index, element) in zip(states.indices, self.elements) where states[index] {
            switch element {
            case .octet(let expected): if expected == byte { next[index + 1] = true }
            case .anything: next[index] = true
            case .level: if byte != self.separator { next[index] = true }
            }
        }
        self.skipWildcards(&next)
        return next
    }
}
