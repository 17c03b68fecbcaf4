/// The words of a command line, taken from the front. Options may stand anywhere before the first operand.
struct AdminArguments {
    private var words: ArraySlice<String>

    init(_ words: [String]) { self.words = words[...] }

    var peek: String? { self.words.first }

    mutating func next() -> String? { self.words.popFirst() }

    mutating func skip() { self.words = self.words.dropFirst() }

    /// Takes an option without value if it is among the leading options.
    mutating func flag(_ name: String) -> Bool {
        guard let index = self.words.firstIndex(of: name), index < self.endOfOptions else { return false }
        self.words.remove(at: index)
        return true
    }

    /// Takes an option with its value if it is among the leading options.
    mutating func option(_ name: String) throws(AdminError) -> String? {
        guard let index = self.words.firstIndex(of: name), index < self.endOfOptions else { return nil }
        guard index + 1 < self.words.endIndex else { throw AdminError(.usage, "\(name) needs a value") }
        let value = self.words[index + 1]
        self.words.removeSubrange(index...(index + 1))
        return value
    }

    /// Whether it is said for whom.
    var hasUsers: Bool {
        self.words[..<self.endOfOptions].contains { $0 == "-u" || $0 == "-A" || $0 == "-F" }
    }

    /// `-u NAME`, `-A`, or `-F` with the names themselves, a line for each: the file is the client's.
    mutating func users() throws(AdminError) -> AdminCommand.UserSelection {
        let isAll = self.flag("-A")
        let name = try self.option("-u")
        let listed = try self.option("-F")
        switch (isAll, name, listed) {
        case (true, nil, nil): return .all
        case (false, let name?, nil): return .matching(name)
        case (false, nil, let listed?): return .listed(listed.split(separator: "\n").map(String.init))
        case (false, nil, nil):
            throw AdminError(.usage, "for which user? -u NAME (with * and ?), -A for all, or -F FILE")
        case (true, _, _), (false, _?, _?): throw AdminError(.usage, "only one of -u NAME, -A and -F FILE, please")
        }
    }

    func operands(_ count: some RangeExpression<Int>, _ usage: String) throws(AdminError) -> [String] {
        var rest = self.words
        if rest.first == "--" {
            rest = rest.dropFirst()
        } else if let option = rest.first, option.hasPrefix("-"), option.count > 1 {
            throw AdminError(.usage, "unknown option \(option); usage: martlet \(usage)")
        }
        guard count.contains(rest.count) else { throw AdminError(.usage, "usage: martlet \(usage)") }
        return Array(rest)
    }

    func oneOperand(_ usage: String) throws(AdminError) -> String {
        try self.operands(1...1, usage)[0]
    }

    /// Options end at the first word that is neither an option nor an option's value.
    private var endOfOptions: Int {
        var index = self.words.startIndex
        while index < self.words.endIndex, self.words[index].hasPrefix("-"), self.words[index] != "--" {
            index += ["-u", "-F", "-x", "-D"].contains(self.words[index]) ? 2 : 1
        }
        return min(index, self.words.endIndex)
    }
}
