import MailCore

/// Threads of messages: trees of their positions, siblings in the order in which THREAD answers them.
public struct MessageThreads: Sendable {
    /// A message's position, or a number from `messageCount` on for a parent that is not there.
    public typealias Node = Int32

    public let messageCount: Int
    /// The first node of each thread.
    public let roots: [Node]
    private let starts: [Int32]
    private let list: [Node]

    /// - Parameters:
    ///   - parents: for each message its parent, `messageCount` or more for one that is not there, negative for none.
    ///   - order: all messages in the order that siblings have.
    init(roots: [Node], parents: [Node], parentCount: Int, order: [Int32]) {
        var starts = [Int32](repeating: 0, count: parentCount + 1)
        for parent in parents where parent >= 0 { starts[Int(parent) + 1] += 1 }
        for index in 0..<parentCount { starts[index + 1] += starts[index] }
        var next = starts
        var list = [Node](repeating: 0, count: Int(starts[parentCount]))
        for message in order {
            let parent = Int(parents[Int(message)])
            guard parent >= 0 else { continue }
            list[Int(next[parent])] = message
            next[parent] += 1
        }
        self.messageCount = parents.count
        self.roots = roots
        self.starts = starts
        self.list = list
    }

    /// The nodes directly below a node, in order.
    public func children(of node: Node) -> ArraySlice<Node> {
        self.list[Int(self.starts[Int(node)])..<Int(self.starts[Int(node) + 1])]
    }

    /// Appends a thread as it stands in the THREAD response: `(3 6 (4 23)(44 7 96))`. `number` answers a message's
    /// number by its position. However deep the thread, this does not recur.
    public func append(_ root: Node, to out: inout [UInt8], number: (Int) -> UInt32) {
        // What is still to be written: a node's list, or a closing parenthesis.
        var open: [Node?] = [root]
        while let entry = open.popLast() {
            guard var node = entry else {
                out.append(UInt8(ascii: ")"))
                continue
            }
            out.append(UInt8(ascii: "("))
            while true {
                let children = self.children(of: node)
                let isMessage = Int(node) < self.messageCount
                if isMessage { out.appendDecimal(UInt64(number(Int(node)))) }
                guard let first = children.first else {
                    out.append(UInt8(ascii: ")"))
                    break
                }
                if isMessage { out.append(0x20) }
                if children.count == 1 {
                    node = first
                    continue
                }
                open.append(nil)
                for child in children.reversed() { open.append(child) }
                break
            }
        }
    }
}
