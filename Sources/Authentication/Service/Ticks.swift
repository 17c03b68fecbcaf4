import Threads

/// Milliseconds that only ever advance.
struct Ticks: Comparable, Hashable, Sendable {
    var milliseconds: Int64

    static var now: Ticks {
        Ticks(milliseconds: SteadyClock.milliseconds())
    }

    static func < (a: Ticks, b: Ticks) -> Bool { a.milliseconds < b.milliseconds }
    static func + (a: Ticks, milliseconds: Int) -> Ticks {
        Ticks(milliseconds: a.milliseconds + Int64(milliseconds))
    }

    /// From now until this time, for poll(2): 0 when past, at most a minute.
    func timeout(from now: Ticks) -> CInt {
        CInt(max(0, min(60_000, self.milliseconds - now.milliseconds)))
    }
}
