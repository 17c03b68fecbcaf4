/// The words on the command line.
struct Options {
    let command: String
    private var words: [String]

    init(_ words: [String]) throws {
        self.command = words.first ?? ""
        self.words = Array(words.dropFirst())
    }

    /// The value of an option, which is taken away.
    mutating func value(_ name: String) -> String? {
        guard let index = self.words.firstIndex(of: name), index + 1 < self.words.count else { return nil }
        defer { self.words.removeSubrange(index...index + 1) }
        return self.words[index + 1]
    }

    /// The next word that is no option, which is taken away.
    mutating func argument() throws -> String {
        guard let index = self.words.firstIndex(where: { !$0.hasPrefix("--") }) else {
            throw LoadError("the name of a file is missing")
        }
        return self.words.remove(at: index)
    }

    /// Names with commas between them; without the option those in `all`.
    mutating func names(_ option: String, _ all: [String]) throws -> [String] {
        guard let value = self.value(option) else { return all }
        let names = value.split(separator: ",").map(String.init)
        for name in names where !all.isEmpty { try check(all.contains(name), "\(option): \(name) is none of \(all)") }
        return names
    }

    /// Throws when words are left that nobody understands.
    func finish() throws { try check(self.words.isEmpty, "not understood: \(self.words.joined(separator: " "))") }
}
