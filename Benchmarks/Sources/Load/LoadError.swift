/// Why a workload cannot go on: an answer that is wrong, or none at all.
struct LoadError: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}

/// Fails the workload unless the condition holds.
func check(_ condition: Bool, _ what: @autoclosure () -> String) throws {
    if !condition { throw LoadError(what()) }
}
