import MIMECore

/// Numbers of keys: open addressing, with a seed that no sender knows, so that nobody can make keys that fall together.
struct TextKeyTable: Sendable {
    private var keys: [TextKey]
    /// -1: empty.
    private var values: [Int32]
    private(set) var count = 0
    private var shift: UInt64
    private let seed = UInt64.random(in: .min ... .max) | 1

    init() {
        self.shift = 64 - 8
        self.keys = [TextKey](repeating: TextKey([]), count: 1 << 8)
        self.values = [Int32](repeating: -1, count: 1 << 8)
    }

    private func slot(_ key: TextKey) -> Int {
        Int(truncatingIfNeeded: ((key.upper ^ UInt64(key.lower)) &* self.seed) >> self.shift)
    }

    func value(of key: TextKey) -> Int32? {
        var slot = self.slot(key)
        while self.values[slot] >= 0 {
            if self.keys[slot] == key { return self.values[slot] }
            slot = (slot + 1) & (self.values.count - 1)
        }
        return nil
    }

    /// The number that the key has; else it has `new` from now on, which is not negative.
    mutating func value(of key: TextKey, orInsert new: Int32) -> Int32 {
        var slot = self.slot(key)
        while self.values[slot] >= 0 {
            if self.keys[slot] == key { return self.values[slot] }
            slot = (slot + 1) & (self.values.count - 1)
        }
        self.keys[slot] = key
        self.values[slot] = new
        self.count += 1
        if self.count * 2 > self.values.count { self.grow() }
        return new
    }

    private mutating func grow() {
        let (keys, values) = (self.keys, self.values)
        self.shift -= 1
        self.keys = [TextKey](repeating: TextKey([]), count: keys.count * 2)
        self.values = [Int32](repeating: -1, count: keys.count * 2)
        for (key, value) in zip(keys, values) where value >= 0 {
            var slot = self.slot(key)
            while self.values[slot] >= 0 { slot = (slot + 1) & (self.values.count - 1) }
            self.keys[slot] = key
            self.values[slot] = value
        }
    }
}
