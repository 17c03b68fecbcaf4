import IMAPCore
import MIMECore
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
    private var subjectNumbers = TextKeyTable()
    private var identifiers = TextKeyTable()
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
        self.append(
            record, fields?.sentDate, isReply: fields?.isReply ?? false, subject: fields?.subject, fields?.messageID)
        for key in fields?.references ?? [] { self.refer(to: key) }
        self.referenceStarts.append(self.references.count)
    }

    /// The same with the keys of the header; `false`, with nothing done, when they do not have all of it.
    mutating func append(
        _ record: MessageRecord, _ keys: HeaderKeys.View, _ algorithm: ThreadCommand.Algorithm
    ) -> Bool {
        let usesReferences = algorithm != .orderedSubject
        let usesSubject = algorithm != .refs
        guard !usesSubject || keys.knowsThreadSubject else { return false }
        let count = usesReferences ? keys.referenceCount : 0
        guard let count else { return false }
        self.append(
            record, keys.sentSeconds, isReply: usesSubject && keys.isReply,
            subject: usesSubject ? keys.threadSubject : nil, usesReferences ? keys.messageID : nil)
        for index in 0..<count { self.refer(to: keys.reference(index)) }
        self.referenceStarts.append(self.references.count)
        return true
    }

    private mutating func append(
        _ record: MessageRecord, _ sentDate: Int64?, isReply: Bool, subject: TextKey?, _ messageID: TextKey?
    ) {
        let message = Int32(truncatingIfNeeded: self.count)
        self.dates.append(sentDate ?? record.internalDate)
        self.isReply.append(isReply)
        let newSubject = Int32(truncatingIfNeeded: self.subjectNumbers.count + 1)
        self.subjects.append(subject.map { self.subjectNumbers.value(of: $0, orInsert: newSubject) } ?? 0)
        // A message without identifier, and one whose identifier an earlier one has, gets one of its own.
        let new = Int32(truncatingIfNeeded: self.owners.count)
        var own = new
        if let messageID {
            let known = self.identifiers.value(of: messageID, orInsert: new)
            if known != new, self.owners[Int(known)] < 0 {
                own = known
                self.unknown -= 1
            }
        }
        if own == new { self.owners.append(message) } else { self.owners[Int(own)] = message }
        self.identifier.append(own)
    }

    private mutating func refer(to key: TextKey) {
        let new = Int32(truncatingIfNeeded: self.owners.count)
        guard self.unknown < Self.maximumUnknown else {
            if let known = self.identifiers.value(of: key) { self.references.append(known) }
            return
        }
        let number = self.identifiers.value(of: key, orInsert: new)
        if number == new {
            self.unknown += 1
            self.owners.append(-1)
        }
        self.references.append(number)
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
