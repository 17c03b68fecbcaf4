import MailCore

/// A POSIX extended regular expression over octets, as draft-murchison-sieve-regex uses them.
///
/// Matched by a walk over all threads at once, so that the work is at most the product of the lengths of text and
/// expression. Of the matches that begin first the longest is taken.
struct Regex: Sendable {
    enum Instruction: Sendable {
        case octet(UInt8)
        case any
        case set(OctetSet)
        /// Goes on at both places, the first one preferred.
        case split(Int, Int)
        case jump(Int)
        case save(Int)
        case lineStart, lineEnd
        case match
    }

    struct OctetSet: Sendable, Equatable {
        var low: (UInt64, UInt64) = (0, 0)
        var high: (UInt64, UInt64) = (0, 0)

        static func == (a: OctetSet, b: OctetSet) -> Bool { a.low == b.low && a.high == b.high }

        mutating func insert(_ octet: UInt8) {
            let bit = UInt64(1) << UInt64(octet & 63)
            switch octet >> 6 {
            case 0: self.low.0 |= bit
            case 1: self.low.1 |= bit
            case 2: self.high.0 |= bit
            default: self.high.1 |= bit
            }
        }

        mutating func invert() {
            self.low = (~self.low.0, ~self.low.1)
            self.high = (~self.high.0, ~self.high.1)
        }

        func contains(_ octet: UInt8) -> Bool {
            let word =
                switch octet >> 6 {
                case 0: self.low.0
                case 1: self.low.1
                case 2: self.high.0
                default: self.high.1
                }
            return word & UInt64(1) << UInt64(octet & 63) != 0
        }
    }

    let program: [Instruction]
    let groups: Int
    let ignoresCase: Bool

    static let maximumGroups = 32
    static let maximumProgram = 8192

    private struct Thread {
        var counter: Int
        var saves: [Int32]
    }

    /// The places of the whole match and its groups in `text`; `nil`: no match.
    func match(_ text: [UInt8], _ run: inout SieveRun) throws(SieveRuntimeError) -> [Range<Int>?]? {
        var threads: [Thread] = []
        var best: [Int32]?
        var marks = [Int](repeating: -1, count: self.program.count)
        var generation = 0
        try run.spend(self.program.count / 8)
        for position in 0...text.count {
            var next: [Thread] = []
            generation += 1
            var list: [Thread] = []
            // Steps that take no octet are work, too: there may be many and no thread behind them.
            var steps = 0
            for thread in threads { steps += self.add(thread, position, text, &list, &marks, generation) }
            if best == nil {
                // Threads of earlier starts come first, so they win over later ones.
                steps += self.add(
                    Thread(counter: 0, saves: Array(repeating: -1, count: 2 * self.groups)), position, text, &list,
                    &marks, generation)
            }
            threads = list
            try run.spend(4 + steps * 4)
            for thread in threads {
                switch self.program[thread.counter] {
                case .match:
                    if Self.isBetter(thread.saves, than: best) { best = thread.saves }
                case .octet(let octet):
                    if position < text.count, self.folded(text[position]) == octet {
                        next.append(Thread(counter: thread.counter + 1, saves: thread.saves))
                    }
                case .any:
                    if position < text.count { next.append(Thread(counter: thread.counter + 1, saves: thread.saves)) }
                case .set(let set):
                    if position < text.count, self.isIn(set, text[position]) {
                        next.append(Thread(counter: thread.counter + 1, saves: thread.saves))
                    }
                case .split, .jump, .save, .lineStart, .lineEnd: break
                }
            }
            if let best { next.removeAll { $0.saves[0] > best[0] } }
            threads = next
            if best != nil, threads.isEmpty { break }
        }
        guard let best else { return nil }
        return (0..<self.groups).map { group in
            let start = Int(best[2 * group])
            let end = Int(best[2 * group + 1])
            return start >= 0 && end >= start ? start..<end : nil
        }
    }

    private static func isBetter(_ saves: [Int32], than best: [Int32]?) -> Bool {
        guard let best else { return true }
        return saves[0] < best[0] || (saves[0] == best[0] && saves[1] > best[1])
    }

    private func folded(_ octet: UInt8) -> UInt8 { self.ignoresCase ? ASCII.lowercased(octet) : octet }

    private func isIn(_ set: OctetSet, _ octet: UInt8) -> Bool {
        set.contains(octet)
            || (self.ignoresCase && (set.contains(ASCII.lowercased(octet)) || set.contains(ASCII.uppercased(octet))))
    }

    /// Follows the steps that take no octet; answers how many places it saw.
    private func add(
        _ thread: Thread, _ position: Int, _ text: [UInt8], _ list: inout [Thread], _ marks: inout [Int],
        _ generation: Int
    ) -> Int {
        var stack = [thread]
        var steps = 0
        while let current = stack.popLast() {
            steps += 1
            guard current.counter < self.program.count, marks[current.counter] != generation else { continue }
            marks[current.counter] = generation
            switch self.program[current.counter] {
            case .jump(let target): stack.append(Thread(counter: target, saves: current.saves))
            case .split(let first, let second):
                stack.append(Thread(counter: second, saves: current.saves))
                stack.append(Thread(counter: first, saves: current.saves))
            case .save(let slot):
                var saves = current.saves
                if slot < saves.count { saves[slot] = Int32(clamping: position) }
                stack.append(Thread(counter: current.counter + 1, saves: saves))
            case .lineStart:
                if position == 0 || text[position - 1] == 0x0A {
                    stack.append(Thread(counter: current.counter + 1, saves: current.saves))
                }
            case .lineEnd:
                if position == text.count || text[position] == 0x0A || text[position] == 0x0D {
                    stack.append(Thread(counter: current.counter + 1, saves: current.saves))
                }
            case .octet, .any, .set, .match: list.append(current)
            }
        }
        return steps
    }
}
