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
    }

    /// How a name stands to a pattern.
    public enum Match: Hashable, Sendable {
        /// The whole name matches.
        case full
        /// The name does not match, but a name below it may.
        case below
        case none
    }

    /// Time is proportional to the product of the lengths at worst, memory to the pattern's.
    public func match(_ name: [UInt8]) -> Match {
        var states = self.startStates()
        for byte in name {
            states = self.step(states, byte)
            if !states.contains(true) { return .none }
        }
        if states[self.elements.count] { return .full }
        return self.step(states, self.separator).contains(true) ? .below : .none
    }

    public func matches(_ name: [UInt8]) -> Bool { self.match(name) == .full }

    /// `states[i]`: the first `i` elements can match what was read so far.
    private func startStates() -> [Bool] {
        var states = [Bool](repeating: false, count: self.elements.count + 1)
        states[0] = true
        self.skipWildcards(&states)
        return states
    }

    /// A wildcard also matches nothing.
    private func skipWildcards(_ states: inout [Bool]) {
        for (index, element) in self.elements.enumerated() where states[index] {
            switch element {
            case .anything, .level: states[index + 1] = true
            case .octet: break
            }
        }
    }

    private func step(_ states: [Bool], _ byte: UInt8) -> [Bool] {
        var next = [Bool](repeating: false, count: states.count)
        for (index, element) in self.elements.enumerated() where states[index] {
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
