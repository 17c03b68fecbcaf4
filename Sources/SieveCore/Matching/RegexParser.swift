import MailCore

extension Regex {
    struct Problem: Error { var text: String }

    /// Reads an expression: `nil` of nothing, `text` what is wrong with it.
    static func parse(_ text: [UInt8], ignoringCase: Bool) -> Result<Regex, Problem> {
        var parser = RegexParser(text, ignoresCase: ignoringCase)
        do throws(Problem) {
            return .success(try parser.parse())
        } catch {
            return .failure(error)
        }
    }
}

/// Turns an expression into a tree and the tree into instructions. Recursion is bounded by `maximumDepth`.
private struct RegexParser {
    private indirect enum Node {
        case empty
        case octet(UInt8)
        case any
        case set(Regex.OctetSet)
        case lineStart, lineEnd
        case sequence([Node])
        case choice([Node])
        case group(Int, Node)
        case repeated(Node, least: Int, most: Int?)
    }

    private let text: [UInt8]
    private let ignoresCase: Bool
    private var index = 0
    private var groups = 1
    private var program: [Regex.Instruction] = []

    private static let maximumDepth = 32
    private static let maximumRepeat = 255

    init(_ text: [UInt8], ignoresCase: Bool) {
        self.text = text
        self.ignoresCase = ignoresCase
    }

    private func fail(_ text: String) -> Regex.Problem { Regex.Problem(text: text) }

    mutating func parse() throws(Regex.Problem) -> Regex {
        let tree = try self.choice(depth: 0)
        guard self.index == self.text.count else { throw self.fail("a \")\" without a \"(\"") }
        try self.emit(.save(0))
        try self.compile(tree)
        try self.emit(.save(1))
        try self.emit(.match)
        return Regex(program: self.program, groups: self.groups, ignoresCase: self.ignoresCase)
    }

    private var peek: UInt8? { self.index < self.text.count ? self.text[self.index] : nil }

    private mutating func choice(depth: Int) throws(Regex.Problem) -> Node {
        guard depth < Self.maximumDepth else {
            throw self.fail("groups are nested more than \(Self.maximumDepth) deep")
        }
        var branches = [try self.sequence(depth: depth)]
        while self.peek == UInt8(ascii: "|") {
            self.index += 1
            branches.append(try self.sequence(depth: depth))
        }
        return branches.count == 1 ? branches[0] : .choice(branches)
    }

    private mutating func sequence(depth: Int) throws(Regex.Problem) -> Node {
        var nodes: [Node] = []
        while let byte = self.peek, byte != UInt8(ascii: "|"), byte != UInt8(ascii: ")") {
            let atom = try self.atom(depth: depth)
            nodes.append(try self.quantified(atom))
        }
        return nodes.isEmpty ? .empty : .sequence(nodes)
    }

    private mutating func atom(depth: Int) throws(Regex.Problem) -> Node {
        guard let byte = self.peek else { return .empty }
        self.index += 1
        switch byte {
        case UInt8(ascii: "."): return .any
        case UInt8(ascii: "^"): return .lineStart
        case UInt8(ascii: "$"): return .lineEnd
        case UInt8(ascii: "["): return .set(try self.bracket())
        case UInt8(ascii: "("):
            let number = self.groups
            self.groups += 1
            guard number <= Regex.maximumGroups else {
                throw self.fail("more than \(Regex.maximumGroups) groups")
            }
            let inner = try self.choice(depth: depth + 1)
            guard self.peek == UInt8(ascii: ")") else { throw self.fail("a \"(\" without a \")\"") }
            self.index += 1
            return .group(number, inner)
        case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"):
            throw self.fail("nothing stands before \(quoted([byte]))")
        case UInt8(ascii: "\\"):
            guard let escaped = self.peek else { throw self.fail("nothing stands behind the last backslash") }
            self.index += 1
            return try self.escaped(escaped)
        default: return .octet(self.ignoresCase ? ASCII.lowercased(byte) : byte)
        }
    }

    /// What GNU's expressions know behind a backslash; else the octet itself.
    private func escaped(_ byte: UInt8) throws(Regex.Problem) -> Node {
        func set(_ isInverted: Bool, _ takes: (UInt8) -> Bool) -> Node {
            var set = Regex.OctetSet()
            for octet in UInt8.min...UInt8.max where takes(octet) { set.insert(octet) }
            if isInverted { set.invert() }
            return .set(set)
        }
        switch byte {
        case UInt8(ascii: "w"), UInt8(ascii: "W"):
            return set(byte == UInt8(ascii: "W")) { ASCII.isLetter($0) || ASCII.isDigit($0) || $0 == UInt8(ascii: "_") }
        case UInt8(ascii: "s"), UInt8(ascii: "S"):
            return set(byte == UInt8(ascii: "S")) { $0 == 0x20 || (0x09...0x0D).contains($0) }
        case UInt8(ascii: "1")...UInt8(ascii: "9"): throw self.fail("references to groups are not supported")
        default: return .octet(self.ignoresCase ? ASCII.lowercased(byte) : byte)
        }
    }

    private mutating func quantified(_ atom: Node) throws(Regex.Problem) -> Node {
        var node = atom
        var count = 0
        while let byte = self.peek {
            let least: Int
            var most: Int?
            switch byte {
            case UInt8(ascii: "*"): least = 0
            case UInt8(ascii: "+"): least = 1
            case UInt8(ascii: "?"):
                least = 0
                most = 1
            case UInt8(ascii: "{"):
                guard let bounds = try self.bounds() else { return node }
                (least, most) = bounds
                self.index -= 1
            default: return node
            }
            self.index += 1
            count += 1
            guard count <= 4 else { throw self.fail("too many quantifiers stand behind each other") }
            node = .repeated(node, least: least, most: most)
        }
        return node
    }

    /// `{2}`, `{2,}`, `{2,5}`; `nil` where the brace is an octet like another.
    private mutating func bounds() throws(Regex.Problem) -> (Int, Int?)? {
        let start = self.index
        self.index += 1
        func number(_ index: inout Int, _ text: [UInt8]) -> Int? {
            var value: Int?
            while index < text.count, ASCII.isDigit(text[index]) {
                value = min(100_000, (value ?? 0) * 10 + Int(text[index] - 0x30))
                index += 1
            }
            return value
        }
        guard let least = number(&self.index, self.text) else {
            self.index = start
            throw self.fail("a \"{\" must be followed by a number, or escaped")
        }
        var most: Int? = least
        if self.peek == UInt8(ascii: ",") {
            self.index += 1
            most = number(&self.index, self.text)
        }
        guard self.peek == UInt8(ascii: "}") else { throw self.fail("a \"{\" without a \"}\"") }
        self.index += 1
        guard least <= Self.maximumRepeat, (most ?? 0) <= Self.maximumRepeat, least <= (most ?? least) else {
            throw self.fail("bad numbers of repetitions; at most \(Self.maximumRepeat) are allowed")
        }
        return (least, most)
    }

    // MARK: Brackets

    private mutating func bracket() throws(Regex.Problem) -> Regex.OctetSet {
        var set = Regex.OctetSet()
        var isInverted = false
        if self.peek == UInt8(ascii: "^") {
            isInverted = true
            self.index += 1
        }
        var isFirst = true
        while true {
            guard let byte = self.peek else { throw self.fail("a \"[\" without a \"]\"") }
            if byte == UInt8(ascii: "]"), !isFirst {
                self.index += 1
                break
            }
            isFirst = false
            if byte == UInt8(ascii: "["), self.index + 1 < self.text.count,
                self.text[self.index + 1] == UInt8(ascii: ":")
            {
                try self.characterClass(into: &set)
                continue
            }
            self.index += 1
            if self.peek == UInt8(ascii: "-"), self.index + 1 < self.text.count,
                self.text[self.index + 1] != UInt8(ascii: "]")
            {
                let upper = self.text[self.index + 1]
                self.index += 2
                guard byte <= upper else { throw self.fail("a range in brackets ends before it begins") }
                for octet in byte...upper { set.insert(octet) }
            } else {
                set.insert(byte)
            }
        }
        if isInverted {
            if self.ignoresCase {
                for octet in UInt8.min...UInt8.max where set.contains(octet) {
                    set.insert(ASCII.lowercased(octet))
                    set.insert(ASCII.uppercased(octet))
                }
            }
            set.invert()
        }
        return set
    }

    private mutating func characterClass(into set: inout Regex.OctetSet) throws(Regex.Problem) {
        let start = self.index + 2
        guard let end = self.text[start...].firstIndex(of: UInt8(ascii: ":")), end + 1 < self.text.count,
            self.text[end + 1] == UInt8(ascii: "]")
        else { throw self.fail("a \"[:\" without a \":]\"") }
        let name = String(decoding: self.text[start..<end], as: UTF8.self)
        self.index = end + 2
        let takes: (UInt8) -> Bool
        switch name {
        case "alpha": takes = ASCII.isLetter
        case "digit": takes = ASCII.isDigit
        case "alnum": takes = { ASCII.isLetter($0) || ASCII.isDigit($0) }
        case "upper": takes = { $0 >= 0x41 && $0 <= 0x5A }
        case "lower": takes = { $0 >= 0x61 && $0 <= 0x7A }
        case "space": takes = { $0 == 0x20 || (0x09...0x0D).contains($0) }
        case "blank": takes = { $0 == 0x20 || $0 == 0x09 }
        case "punct": takes = { $0 > 0x20 && $0 < 0x7F && !ASCII.isLetter($0) && !ASCII.isDigit($0) }
        case "print": takes = { $0 >= 0x20 && $0 < 0x7F }
        case "graph": takes = { $0 > 0x20 && $0 < 0x7F }
        case "cntrl": takes = { $0 < 0x20 || $0 == 0x7F }
        case "xdigit": takes = { ASCII.hexValue($0) != nil }
        default: throw self.fail("there is no class of characters named \(quoted(name))")
        }
        for octet in UInt8.min...UInt8.max where takes(octet) { set.insert(octet) }
    }

    // MARK: Instructions

    private mutating func emit(_ instruction: Regex.Instruction) throws(Regex.Problem) {
        guard self.program.count < Regex.maximumProgram else { throw self.fail("the expression is too large") }
        self.program.append(instruction)
    }

    private mutating func compile(_ node: Node) throws(Regex.Problem) {
        switch node {
        case .empty: break
        case .octet(let octet): try self.emit(.octet(octet))
        case .any: try self.emit(.any)
        case .set(let set): try self.emit(.set(set))
        case .lineStart: try self.emit(.lineStart)
        case .lineEnd: try self.emit(.lineEnd)
        case .sequence(let nodes): for node in nodes { try self.compile(node) }
        case .choice(let branches):
            var jumps: [Int] = []
            for (index, branch) in branches.enumerated() {
                guard index < branches.count - 1 else {
                    try self.compile(branch)
                    break
                }
                let split = self.program.count
                try self.emit(.split(0, 0))
                try self.compile(branch)
                jumps.append(self.program.count)
                try self.emit(.jump(0))
                self.program[split] = .split(split + 1, self.program.count)
            }
            for jump in jumps { self.program[jump] = .jump(self.program.count) }
        case .group(let number, let inner):
            try self.emit(.save(2 * number))
            try self.compile(inner)
            try self.emit(.save(2 * number + 1))
        case .repeated(let inner, let least, let most):
            for _ in 0..<least { try self.compile(inner) }
            if let most {
                var splits: [Int] = []
                for _ in least..<most {
                    splits.append(self.program.count)
                    try self.emit(.split(0, 0))
                    try self.compile(inner)
                }
                for split in splits { self.program[split] = .split(split + 1, self.program.count) }
            } else {
                let split = self.program.count
                try self.emit(.split(0, 0))
                try self.compile(inner)
                try self.emit(.jump(split))
                self.program[split] = .split(split + 1, self.program.count)
            }
        }
    }
}
