import Synchronization

/// Remembers which passwords were verified lately, so that the next login skips the slow hash.
///
/// Holds only HMACs under a key that never leaves the process. What was stored at the time is part of the
/// MAC: a changed password in the database makes the memory worthless at once.
final class VerifiedPasswords: Sendable {
    private struct Entry {
        var code: [UInt8]
        var expires: Ticks
    }

    private let key = randomBytes(32)
    private let capacity: Int
    private let entries = Mutex<[String: Entry]>([:])

    init(capacity: Int) { self.capacity = capacity }

    /// Whether `password` was verified for `user` against `stored` and the time has not passed.
    func contains(_ user: String, source: Int, stored: String, password: [UInt8]) -> Bool {
        let name = Self.name(user, source)
        guard let entry = self.entries.withLock({ $0[name] }), Ticks.now < entry.expires,
            let code = self.code(name, stored, password)
        else { return false }
        return constantTimeEqual(code, entry.code)
    }

    func insert(_ user: String, source: Int, stored: String, password: [UInt8], lifetime: Int) {
        let name = Self.name(user, source)
        guard lifetime > 0, self.capacity > 0, let code = self.code(name, stored, password) else { return }
        let now = Ticks.now
        self.entries.withLock { entries in
            if entries.count >= self.capacity, entries[name] == nil {
                entries = entries.filter { now < $0.value.expires }
                // Which one goes matters little: its owner's next login computes the hash once.
                if entries.count >= self.capacity, let victim = entries.keys.first { entries[victim] = nil }
            }
            entries[name] = Entry(code: code, expires: now + lifetime * 1000)
        }
    }

    func remove(_ user: String, source: Int) {
        let name = Self.name(user, source)
        self.entries.withLock { _ = $0.removeValue(forKey: name) }
    }

    /// Forgets everything; how many entries there were.
    func removeAll() -> Int {
        self.entries.withLock { entries in
            defer { entries = [:] }
            return entries.count
        }
    }

    private static func name(_ user: String, _ source: Int) -> String { "\(source)\u{0}\(user)" }

    private func code(_ name: String, _ stored: String, _ password: [UInt8]) -> [UInt8]? {
        // Lengths keep the three parts apart.
        var message = Array("\(name.utf8.count) \(stored.utf8.count) ".utf8)
        message.append(contentsOf: name.utf8)
        message.append(contentsOf: stored.utf8)
        message.append(contentsOf: password)
        return Digest.hmacSHA256(key: self.key, message)
    }
}
