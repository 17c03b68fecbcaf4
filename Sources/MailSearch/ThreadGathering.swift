import IMAPCore
import MailStore

/// The messages that THREAD is about, and how they refer to each other: the links of the algorithm's first step are
/// made from it in `ThreadLinks`, the rest here.
struct ThreadGathering: Sendable {
    /// Identifiers that no message has: references to more have no effect.
    private static let maximumUnknown = 1 << 20

    private var dates: [Int64] = []
    /// 0 is the empty subject.
    private var subjects: [Int32] = []
    private var isReply: [Bool] = []
    private var subjectNumbers: [ThreadKey: Int32] = [:]
    private var identifiers: [ThreadKey: Int32] = [:]
    /// For each identifier the message that has it, or -1.
    private(set) var owners: [Int32] = []
    /// For each message its identifier.
    private(set) var identifier: [Int32] = []
    private var unknown = 0
    private var references: [Int32] = []
    private var referenceStarts: [Int] = [0]

    init(count: Int) {
        self.dates.reserveCapacity(count)
        self.subjects.reserveCapacity(count)
        self.isReply.reserveCapacity(count)
        self.identifier.reserveCapacity(count)
    }

    var count: Int { self.dates.count }

    /// The identifiers that a message refers to, the oldest first.
    func references(of message: Int) -> ArraySlice<Int32> {
        self.references[self.referenceStarts[message]..<self.referenceStarts[message + 1]]
    }

    /// Adds the next message; without `fields` one with an empty header.
    mutating func append(_ record: MessageRecord, _ fields: ThreadFields?) {
        let message = Int32(truncatingIfNeeded: self.count)
        self.dates.append(fields?.sentDate ?? record.internalDate)
        self.isReply.append(fields?.isReply ?? false)
        self.subjects.append(fields?.subject.map { self.number(ofSubject: $0) } ?? 0)
        // A message without identifier, and one whose identifier an earlier one has, gets one of its own.
        var own: Int32?
        if let key = fields?.messageID {
            if let known = self.identifiers[key] {
                if self.owners[Int(known)] < 0 {
                    own = known
                    self.unknown -= 1
                }
            } else {
                own = self.newIdentifier()
                self.identifiers[key] = own
            }
        }
        let identifier = own ?? self.newIdentifier()
        self.owners[Int(identifier)] = message
        self.identifier.append(identifier)
        for key in fields?.references ?? [] {
            if let known = self.identifiers[key] {
                self.references.append(known)
            } else if self.unknown < Self.maximumUnknown {
                self.unknown += 1
                let new = self.newIdentifier()
                self.identifiers[key] = new
                self.references.append(new)
            }
        }
        self.referenceStarts.append(self.references.count)
    }

    private mutating func newIdentifier() -> Int32 {
        self.owners.append(-1)
        return Int32(truncatingIfNeeded: self.owners.count - 1)
    }

    private mutating func number(ofSubject key: ThreadKey) -> Int32 {
        if let known = self.subjectNumbers[key] { return known }
        let new = Int32(truncatingIfNeeded: self.subjectNumbers.count + 1)
        self.subjectNumbers[key] = new
        return new
    }

    // MARK: Threads

    func threads(_ algorithm: ThreadCommand.Algorithm) -> MessageThreads {
        var order = (0..<Int32(truncatingIfNeeded: self.count)).map { $0 }
        // Equal dates: by sequence number (RFC 5256 section 2.2).
        order.sort { (self.dates[Int($0)], $0) < (self.dates[Int($1)], $1) }
        switch algorithm {
        case .orderedSubject:
            let parents = self.parentsBySubject(order)
            return self.threads(parents, dummies: 0, order)
        case .references:
            var links = ThreadLinks(self)
            self.mergeSubjects(&links, order)
            return self.threads(links.parents(), dummies: links.dummyCount, order)
        case .refs:
            let links = ThreadLinks(self)
            let threads = self.threads(links.parents(), dummies: links.dummyCount, order)
            return self.byNewest(threads, links, order)
        }
    }

    /// Threads whose first nodes are in the order of their first messages' dates: a parent that is not there counts
    /// as its first child.
    private func threads(_ parents: [Int32], dummies: Int, _ order: [Int32]) -> MessageThreads {
        MessageThreads(
            roots: self.roots(parents, dummies: dummies, order), parents: parents,
            parentCount: self.count + dummies, order: order)
    }

    private func roots(_ parents: [Int32], dummies: Int, _ order: [Int32]) -> [Int32] {
        var roots: [Int32] = []
        var isKnown = [Bool](repeating: false, count: dummies)
        for message in order {
            let parent = parents[Int(message)]
            if parent < 0 {
                roots.append(message)
            } else if Int(parent) >= self.count, !isKnown[Int(parent) - self.count] {
                isKnown[Int(parent) - self.count] = true
                roots.append(parent)
            }
        }
        return roots
    }

    /// ORDEREDSUBJECT: the first message with a subject is the parent of all others.
    private func parentsBySubject(_ order: [Int32]) -> [Int32] {
        var parents = [Int32](repeating: -1, count: self.count)
        var first = [Int32](repeating: -1, count: self.subjectNumbers.count + 1)
        for message in order {
            let subject = Int(self.subjects[Int(message)])
            if first[subject] < 0 { first[subject] = message } else { parents[Int(message)] = first[subject] }
        }
        return parents
    }

    /// REFERENCES step 5: gathers threads with the same subject.
    private func mergeSubjects(_ links: inout ThreadLinks, _ order: [Int32]) {
        let parents = links.parents()
        var subjects = [Int32](repeating: 0, count: self.count + links.dummyCount)
        var seen = [Bool](repeating: false, count: links.dummyCount)
        var roots: [Int32] = []
        for message in order {
            let parent = parents[Int(message)]
            if parent < 0 {
                roots.append(message)
                subjects[Int(message)] = self.subjects[Int(message)]
            } else if Int(parent) >= self.count, !seen[Int(parent) - self.count] {
                seen[Int(parent) - self.count] = true
                roots.append(parent)
                subjects[Int(parent)] = self.subjects[Int(message)]
            }
        }
        func isDummy(_ node: Int32) -> Bool { Int(node) >= self.count }
        func isReply(_ node: Int32) -> Bool { !isDummy(node) && self.isReply[Int(node)] }
        var table = [Int32](repeating: -1, count: self.subjectNumbers.count + 1)
        for root in roots {
            let subject = Int(subjects[Int(root)])
            guard subject != 0 else { continue }
            let held = table[subject]
            if held < 0 || (!isDummy(held) && (isDummy(root) || (isReply(held) && !isReply(root)))) {
                table[subject] = root
            }
        }
        for root in roots {
            let subject = Int(subjects[Int(root)])
            guard subject != 0 else { continue }
            let held = table[subject]
            if held == root { continue }
            switch (isDummy(held), isDummy(root)) {
            case (true, true): links.merge(root, into: held)
            case (true, false): links.setParent(of: root, held)
            case (false, true):
                // Cannot be while the table prefers dummies; the same tree either way.
                links.setParent(of: held, root)
                table[subject] = root
            case (false, false):
                if isReply(root), !isReply(held) {
                    links.setParent(of: root, held)
                } else {
                    let dummy = links.newDummy()
                    links.setParent(of: root, dummy)
                    links.setParent(of: held, dummy)
                    table[subject] = dummy
                }
            }
        }
    }

    /// REFS: the thread with the newest message, by its date, comes last.
    private func byNewest(_ threads: MessageThreads, _ links: ThreadLinks, _ order: [Int32]) -> MessageThreads {
        let parents = links.parents()
        var newest: [(date: Int64, position: Int, root: Int32)] = []
        newest.reserveCapacity(threads.roots.count)
        var open: [Int32] = []
        for (position, root) in threads.roots.enumerated() {
            var date = Int64.min
            open.append(root)
            while let node = open.popLast() {
                if Int(node) < self.count { date = max(date, self.dates[Int(node)]) }
                open.append(contentsOf: threads.children(of: node))
            }
            newest.append((date, position, root))
        }
        newest.sort { ($0.date, $0.position) < ($1.date, $1.position) }
        return MessageThreads(
            roots: newest.map(\.root), parents: parents, parentCount: self.count + links.dummyCount,
            order: order)
    }
}
