/// Steps 1 to 3 of REFERENCES (RFC 5256 section 3): who is whose parent, among messages and the messages that are only
/// referred to, of which afterwards those are left that head a thread of several.
struct ThreadLinks {
    private let count: Int
    /// For each message its parent: a message, `count` or more for a dummy, -1 for none.
    private var messageParents: [Int32]
    /// For each dummy itself, or the one that it was merged into.
    private var merged: [Int32] = []

    init(_ gathering: ThreadGathering) {
        self.count = gathering.count
        self.messageParents = []
        var tree = Tree(gathering.owners.count)
        for message in 0..<gathering.count {
            var previous: Int32 = -1
            for reference in gathering.references(of: message) {
                if previous >= 0, !tree.hasParent(reference) { tree.link(reference, to: previous) }
                previous = reference
            }
            // What the message itself says of its parent counts more than what others say.
            tree.setParent(of: gathering.identifier[message], previous)
        }
        self.prune(tree, gathering)
    }

    // MARK: Step 1

    private struct Tree {
        var parents: [Int32]
        private var childCounts: [Int32]
        /// Steps that looking for loops may still take: without a bound, somebody could send mail whose threading
        /// takes quadratic time. Beyond it, a link that might make a loop is not made.
        private var budget: Int

        init(_ count: Int) {
            self.parents = [Int32](repeating: -1, count: count)
            self.childCounts = [Int32](repeating: 0, count: count)
            self.budget = 1 << 22 + 64 * count
        }

        func hasParent(_ node: Int32) -> Bool { self.parents[Int(node)] >= 0 }

        mutating func link(_ node: Int32, to parent: Int32) {
            guard !self.wouldLoop(node, parent) else { return }
            self.parents[Int(node)] = parent
            self.childCounts[Int(parent)] += 1
        }

        /// Also takes away the parent that the node has.
        mutating func setParent(of node: Int32, _ parent: Int32) {
            let old = self.parents[Int(node)]
            if old == parent { return }
            if old >= 0 {
                self.parents[Int(node)] = -1
                self.childCounts[Int(old)] -= 1
            }
            if parent >= 0 { self.link(node, to: parent) }
        }

        private mutating func wouldLoop(_ node: Int32, _ parent: Int32) -> Bool {
            if node == parent { return true }
            // Nothing descends from a node without children.
            if self.childCounts[Int(node)] == 0 { return false }
            var ancestor = parent
            while ancestor >= 0 {
                self.budget -= 1
                if ancestor == node || self.budget < 0 { return true }
                ancestor = self.parents[Int(ancestor)]
            }
            return false
        }
    }

    // MARK: Steps 2 and 3

    /// Takes dummies out of the tree: their children go to the next message above, and where there is none they stay
    /// together under one dummy, unless there is but one.
    private mutating func prune(_ tree: Tree, _ gathering: ThreadGathering) {
        let owners = gathering.owners
        let unknown = Int32.min
        // For each dummy passed: the message above, or -2 less the number of the topmost dummy.
        var above = [Int32](repeating: unknown, count: owners.count)
        var parents = [Int32](repeating: -1, count: self.count)
        var groupSizes = [Int32](repeating: 0, count: owners.count)
        var path: [Int32] = []
        for message in 0..<self.count {
            var node = tree.parents[Int(gathering.identifier[message])]
            guard node >= 0 else { continue }
            var result = unknown
            while result == unknown {
                if owners[Int(node)] >= 0 {
                    result = owners[Int(node)]
                } else if above[Int(node)] != unknown {
                    result = above[Int(node)]
                } else {
                    path.append(node)
                    if tree.parents[Int(node)] < 0 {
                        result = -2 - node
                    } else {
                        node = tree.parents[Int(node)]
                    }
                }
            }
            for passed in path { above[Int(passed)] = result }
            path.removeAll(keepingCapacity: true)
            parents[message] = result
            if result <= -2 { groupSizes[Int(-2 - result)] += 1 }
        }
        var dummies = [Int32](repeating: -1, count: owners.count)
        for message in 0..<self.count where parents[message] <= -2 {
            let top = Int(-2 - parents[message])
            guard groupSizes[top] > 1 else {
                parents[message] = -1
                continue
            }
            if dummies[top] < 0 { dummies[top] = self.newDummy() }
            parents[message] = dummies[top]
        }
        self.messageParents = parents
    }

    // MARK: Step 5

    var dummyCount: Int { self.merged.count }

    mutating func newDummy() -> Int32 {
        let dummy = Int32(truncatingIfNeeded: self.count + self.merged.count)
        self.merged.append(dummy)
        return dummy
    }

    mutating func setParent(of message: Int32, _ parent: Int32) { self.messageParents[Int(message)] = parent }

    /// Gives the children of a dummy to another one.
    mutating func merge(_ dummy: Int32, into other: Int32) { self.merged[Int(dummy) - self.count] = other }

    /// For each message its parent: a message, `count` or more for a dummy, -1 for none.
    func parents() -> [Int32] {
        // A dummy is only ever merged into one that is not merged itself.
        self.messageParents.map { Int($0) >= self.count ? self.merged[Int($0) - self.count] : $0 }
    }
}
