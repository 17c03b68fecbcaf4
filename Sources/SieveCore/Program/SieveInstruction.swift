/// One step of a compiled script. Tests leave their result in a flag; jumps look at it.
enum SieveInstruction: Sendable {
    enum Condition: Sendable { case always, ifFalse, ifTrue }

    case perform(any SieveOperation)
    case test(any SieveTest)
    /// Sets the flag.
    case setFlag(Bool)
    case invertFlag
    case jump(Condition, to: Int)
    /// Runs another script, by its number among those included.
    case include(Int, once: Bool)
    /// Begins a walk over MIME parts, or goes to `end` when there is none.
    case beginParts(end: Int)
    /// Goes to `begin` with the next part, or ends the walk.
    case nextPart(begin: Int)
    /// Ends the innermost walks over MIME parts.
    case leaveParts(Int)
    /// Ends this script only.
    case leave
    case stop
}

/// A command in compiled form.
protocol SieveOperation: Sendable {
    func perform(_ run: inout SieveRun) throws(SieveRuntimeError)
}

/// A test in compiled form.
protocol SieveTest: Sendable {
    func evaluate(_ run: inout SieveRun) throws(SieveRuntimeError) -> Bool
}
