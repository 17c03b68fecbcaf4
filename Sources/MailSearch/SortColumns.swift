import Glibc
import IMAPCore
import MIMECore
import MailStore

/// The keys of messages to be sorted, one column for each criterion.
struct SortColumns: Sendable {
    /// A number for each message, and behind it, for texts, what the number cannot hold.
    private struct Column {
        var key: SortCommand.Key
        var order: SortCommand.Order
        /// The number, or the first eight octets of the text so that they compare as the text does.
        var numbers: [Int64] = []
        /// Where each text begins in `octets`, and where the last one ends; empty when the column has numbers.
        var starts: [Int] = []
        var octets: [UInt8] = []

        mutating func append(_ text: UnsafeRawBufferPointer) {
            if self.starts.isEmpty { self.starts.append(0) }
            self.octets.append(contentsOf: text)
            self.starts.append(self.octets.count)
            var head: UInt64 = 0
            if text.count >= 8 {
                head = UInt64(bigEndian: text.loadUnaligned(as: UInt64.self))
            } else {
                for position in 0..<8 { head = head << 8 | UInt64(position < text.count ? text[position] : 0) }
            }
            self.numbers.append(Int64(bitPattern: head ^ 1 << 63))
        }
    }

    /// Octets for the texts of all messages together, should their texts be long.
    private static let budget = 64 << 20

    private var columns: [Column]
    private var count = 0
    /// Octets of a text that count. What differs only behind them is taken for equal.
    let maximumText: Int

    init(_ criteria: [SortCommand.Criterion], count: Int) {
        self.columns = criteria.map { criterion in
            var column = Column(key: criterion.key, order: criterion.order)
            column.numbers.reserveCapacity(count)
            return column
        }
        let texts = max(1, count) * max(1, criteria.count { $0.key.isText })
        self.maximumText = max(64, min(512, Self.budget / texts))
    }

    /// Adds the next message; without `fields` those of an empty header.
    mutating func append(_ record: MessageRecord, _ fields: SortFields?) {
        self.count += 1
        var text = 0
        for index in self.columns.indices {
            switch self.columns[index].key {
            case .arrival: self.columns[index].numbers.append(record.internalDate)
            case .size: self.columns[index].numbers.append(Int64(record.size))
            // Until `take(relevancies:)`.
            case .relevancy: self.columns[index].numbers.append(0)
            // Without a date the message counts as sent when it arrived (RFC 5256 section 2.2).
            case .date: self.columns[index].numbers.append(fields?.sentDate ?? record.internalDate)
            case .cc, .from, .subject, .to, .displayFrom, .displayTo:
                let texts = fields?.texts ?? []
                (text < texts.count ? texts[text] : []).withUnsafeBytes { self.columns[index].append($0) }
                text += 1
            }
        }
    }

    /// The same with the keys of the header; `false`, with nothing done, when they do not have all of it.
    mutating func append(_ record: MessageRecord, _ keys: HeaderKeys.View) -> Bool {
        for column in self.columns {
            switch column.key {
            case .arrival, .size, .relevancy, .date: break
            case .subject: guard let base = keys.baseSubject, base.count <= self.maximumText else { return false }
            case .cc, .from, .to, .displayFrom, .displayTo: return false
            }
        }
        self.count += 1
        for index in self.columns.indices {
            switch self.columns[index].key {
            case .arrival: self.columns[index].numbers.append(record.internalDate)
            case .size: self.columns[index].numbers.append(Int64(record.size))
            case .relevancy: self.columns[index].numbers.append(0)
            case .date: self.columns[index].numbers.append(keys.sentSeconds ?? record.internalDate)
            case .subject: keys.baseSubject.map { self.columns[index].append($0) }
            case .cc, .from, .to, .displayFrom, .displayTo: break
            }
        }
        return true
    }

    /// Says how relevant each message is; the most relevant one comes first (RFC 6203 section 6).
    mutating func take(relevancies: [UInt8]) {
        for index in self.columns.indices where self.columns[index].key == .relevancy {
            for (position, relevancy) in zip(self.columns[index].numbers.indices, relevancies) {
                self.columns[index].numbers[position] = -Int64(relevancy)
            }
        }
    }

    /// The messages' positions, sorted.
    func order() -> [Int32] {
        guard let first = self.columns.first else { return (0..<Int32(clamping: self.count)).map { $0 } }
        // By the first column's numbers, what is equal staying as it is; then each run of equal ones by all the rest.
        var order = NumberOrder(first.numbers, first.order).positions
        let numbers = first.numbers
        order.withUnsafeMutableBufferPointer { order in
            var start = 0
            while start < order.count {
                let number = numbers[Int(order[start])]
                var end = start + 1
                while end < order.count, numbers[Int(order[end])] == number { end += 1 }
                if end - start > 1, self.columns.count > 1 || !first.starts.isEmpty {
                    self.sort(UnsafeMutableBufferPointer(rebasing: order[start..<end]))
                }
                start = end
            }
        }
        return order
    }

    private func sort(_ run: UnsafeMutableBufferPointer<Int32>) {
        // Most runs are short, and many are of one subject.
        if run.count <= 16 {
            for index in 1..<run.count {
                let moved = run[index]
                var place = index
                while place > 0, self.precedes(Int(moved), Int(run[place - 1])) {
                    run[place] = run[place - 1]
                    place -= 1
                }
                run[place] = moved
            }
            return
        }
        var run = run
        run.sort { self.precedes(Int($0), Int($1)) }
    }

    private func precedes(_ a: Int, _ b: Int) -> Bool {
        for index in self.columns.indices {
            let (x, y) = (self.columns[index].numbers[a], self.columns[index].numbers[b])
            var comparison = x < y ? -1 : x > y ? 1 : 0
            if comparison == 0, !self.columns[index].starts.isEmpty { comparison = self.compareTexts(index, a, b) }
            if comparison == 0 { continue }
            switch self.columns[index].order {
            case .ascending: return comparison < 0
            case .descending: return comparison > 0
            }
        }
        // REVERSE has no effect on this last criterion.
        return a < b
    }

    /// Negative when the text of `a` comes first, 0 when they are equal.
    private func compareTexts(_ column: Int, _ a: Int, _ b: Int) -> Int {
        let starts = self.columns[column].starts
        let (first, second) = (starts[a]..<starts[a + 1], starts[b]..<starts[b + 1])
        return self.columns[column].octets.withUnsafeBytes { octets in
            guard let base = octets.baseAddress else { return 0 }
            let common = min(first.count, second.count)
            let difference = Int(memcmp(base + first.lowerBound, base + second.lowerBound, common))
            return difference != 0 ? difference : first.count - second.count
        }
    }
}
