/// Elements ordered by their time; a binary heap.
struct DeadlineQueue<Element> {
    private var heap: [(time: Ticks, element: Element)] = []

    var first: Ticks? { self.heap.first?.time }

    mutating func insert(_ element: Element, at time: Ticks) {
        self.heap.append((time, element))
        var child = self.heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard self.heap[child].time < self.heap[parent].time else { break }
            self.heap.swapAt(child, parent)
            child = parent
        }
    }

    /// Removes and returns the earliest element whose time is not after `now`.
    mutating func popFirst(until now: Ticks) -> Element? {
        guard let first = self.heap.first, first.time <= now else { return nil }
        let last = self.heap.removeLast()
        if !self.heap.isEmpty {
            self.heap[0] = last
            var parent = 0
            while true {
                var least = parent
                for child in [2 * parent + 1, 2 * parent + 2] where child < self.heap.count {
                    if self.heap[child].time < self.heap[least].time { least = child }
                }
                if least == parent { break }
                self.heap.swapAt(least, parent)
                parent = least
            }
        }
        return first.element
    }
}
