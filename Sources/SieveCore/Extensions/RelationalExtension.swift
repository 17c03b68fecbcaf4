extension SieveExtension {
    /// RFC 5231.
    static let relational = SieveExtension(
        capability: "relational",
        matchTypes: [
            MatchTypeDefinition(
                name: "count", capability: "relational", argument: .string, needsSubstrings: false
            ) { compiler, argument, comparator in
                Relation.parse(argument, &compiler).map { CountMatcher(relation: $0, comparator: comparator) }
            },
            MatchTypeDefinition(
                name: "value", capability: "relational", argument: .string, needsSubstrings: false
            ) { compiler, argument, comparator in
                Relation.parse(argument, &compiler).map { ValueMatcher(relation: $0, comparator: comparator) }
            },
        ])
}

/// `gt`, `ge`, ... (RFC 5231 section 3).
enum Relation: String, Sendable {
    case gt, ge, lt, le, eq, ne

    /// `nil` after an error.
    static func parse(_ argument: ArgumentNode?, _ compiler: inout ScriptCompiler) -> Relation? {
        guard let literal = argument?.strings.first,
            let octets = compiler.constant(literal, "the relation")
        else { return nil }
        let text = String(decoding: octets, as: UTF8.self)
        guard let relation = Relation(rawValue: text.lowercased()) else {
            compiler.error(literal.position, "\(quoted(octets)) is none of gt, ge, lt, le, eq and ne")
            return nil
        }
        return relation
    }

    func holds(_ value: [UInt8], _ key: [UInt8], _ comparator: any SieveComparator) -> Bool {
        switch self {
        case .eq: comparator.isEqual(value, key)
        case .ne: !comparator.isEqual(value, key)
        case .gt: comparator.isLess(key, value)
        case .lt: comparator.isLess(value, key)
        case .ge: !comparator.isLess(value, key)
        case .le: !comparator.isLess(key, value)
        }
    }
}

/// Compares each value with each key.
struct ValueMatcher: SieveMatcher {
    let relation: Relation
    let comparator: any SieveComparator

    func matches(
        _ values: [[UInt8]], _ keys: [SieveText], _ run: inout SieveRun
    ) throws(SieveRuntimeError) -> Bool {
        let keys = try keys.octets(&run)
        run.noteComparison(values, keys)
        for value in values {
            for key in keys {
                try run.spend(1 + value.count + key.count)
                if self.relation.holds(value, key, self.comparator) { return true }
            }
        }
        return false
    }
}

/// Compares the number of values with each key.
struct CountMatcher: SieveMatcher {
    let relation: Relation
    let comparator: any SieveComparator
    var counts: Bool { true }

    func matches(
        _ values: [[UInt8]], _ keys: [SieveText], _ run: inout SieveRun
    ) throws(SieveRuntimeError) -> Bool {
        let count = Array(String(values.count).utf8)
        let keys = try keys.octets(&run)
        run.noteComparison([count], keys)
        for key in keys where self.relation.holds(count, key, self.comparator) { return true }
        return false
    }
}
