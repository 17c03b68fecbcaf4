import DequeModule

/// Connections that have not logged in, in the order in which they began to wait.
struct WaitingConnections {
    private var byID: [UInt64: (connection: Connection, wait: UInt64)] = [:]
    /// Connections by their numbers, each with the number of the wait that began; also of waits that are over.
    private var order: Deque<(id: UInt64, wait: UInt64)> = []
    private var waits: UInt64 = 0

    var isEmpty: Bool { self.byID.isEmpty }

    mutating func insert(_ connection: Connection) {
        guard self.byID[connection.id] == nil else { return }
        self.waits &+= 1
        self.byID[connection.id] = (connection, self.waits)
        self.order.append((connection.id, self.waits))
        guard self.order.count > 2 * self.byID.count + 64 else { return }
        self.order.removeAll { self.byID[$0.id]?.wait != $0.wait }
    }

    mutating func remove(_ connection: Connection) { self.byID[connection.id] = nil }

    /// Takes out the one that has waited longest.
    mutating func popFirst() -> Connection? {
        while let (id, wait) = self.order.popFirst() {
            guard let known = self.byID[id], known.wait == wait else { continue }
            self.byID[id] = nil
            return known.connection
        }
        return nil
    }
}
