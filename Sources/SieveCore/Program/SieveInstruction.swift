/// One step of a compiled script. Tests leave their result in a flag; jumps look at it.
enum SieveInstruction: Sendable {
    enum Condition: Sendable { case always, ifFalse, ifTrue }

    case perform(any SieveOperation)
    case test(any SieveTest)
    /// Sets the flag.
    case setFlag(Bool)
    case invertFlag
    case jump(Condition, to: Int)
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

/// A string argument in compiled form.
struct SieveText: Sendable, Equatable {
    let octets: [UInt8]

    init(_ octets: [UInt8]) { self.octets = octets }

    /// Whether it may be the name of a header field: printable US-ASCII without colon (RFC 5322 section 2.2).
    var isFieldName: Bool {
        !self.octets.isEmpty
            && self.octets.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }
    }
}
