import DequeModule

/// The connections of one protocol that have not logged in, in the order in which they came.
struct WaitingConnections {
    private var byID: [UInt64: Connection] = [:]
    /// Also numbers of connections that wait no more.
    private var order: Deque<UInt64> = []

    var isEmpty: Bool { self.byID.isEmpty }

    mutating func insert(_ connection: Connection) {
        guard self.byID.updateValue(connection, forKey: connection.id) == nil else { return }
        if self.order.count > 2 * self.byID.count + 64 { self.order.removeAll { self.byID[$0] == nil } }
        self.order.append(connection.id)
    }

    mutating func remove(_ connection: Connection) { self.byID[connection.id] = nil }

    /// Takes out the one that has waited longest.
    mutating func popFirst() -> Connection? {
        while let id = self.order.popFirst() {
            if let connection = self.byID.removeValue(forKey: id) { return connection }
        }
        return nil
    }
}
