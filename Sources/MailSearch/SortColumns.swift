import IMAPCore
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

        mutating func append(_ text: [UInt8]) {
            if self.starts.isEmpty { self.starts.append(0) }
            self.octets.append(contentsOf: text)
            self.starts.append(self.octets.count)
            var head: UInt64 = 0
            for position in 0..<8 { head = head << 8 | UInt64(position < text.count ? text[position] : 0) }
            self.numbers.append(Int64(bitPattern: head ^ 1 << 63))
        }

        /// Negative when the text of `a` comes first, 0 when they are equal.
        func compareTexts(_ a: Int, _ b: Int) -> Int {
            let (first, second) = (self.starts[a]..<self.starts[a + 1], self.starts[b]..<self.starts[b + 1])
            return self.octets.withUnsafeBufferPointer { octets in
                let common = min(first.count, second.count)
                var position = 0
                while position < common {
                    let (x, y) = (octets[first.lowerBound + position], octets[second.lowerBound + position])
                    if x != y { return x < y ? -1 : 1 }
                    position += 1
                }
                return first.count - second.count
            }
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
                self.columns[index].append(text < texts.count ? texts[text] : [])
                text += 1
            }
        }
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
        var order = (0..<Int32(clamping: self.count)).map { $0 }
        order.sort { self.precedes(Int($0), Int($1)) }
        return order
    }

    private func precedes(_ a: Int, _ b: Int) -> Bool {
        for column in self.columns {
            let (x, y) = (column.numbers[a], column.numbers[b])
            var isLess = x < y
            if x == y {
                guard !column.starts.isEmpty else { continue }
                let comparison = column.compareTexts(a, b)
                if comparison == 0 { continue }
                isLess = comparison < 0
            }
            switch column.order {
            case .ascending: return isLess
            case .descending: return !isLess
            }
        }
        // REVERSE has no effect on this last criterion.
        return a < b
    }
}
