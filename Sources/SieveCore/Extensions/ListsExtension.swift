extension SieveExtension {
    /// RFC 6134: `:list`, and `valid_ext_list`.
    static let extLists = SieveExtension(
        capability: "extlists",
        tests: [
            SieveDefinition(
                "valid_ext_list", capability: "extlists",
                Signature(positional: [PositionalArgument("the lists", .stringList)])
            ) { compiler, arguments in
                compiler.emit(ValidListTest(lists: compiler.texts(arguments.strings(0))))
            }
        ],
        matchTypes: [
            MatchTypeDefinition(name: "list", capability: "extlists", needsSubstrings: false) { _, _, _ in
                ListMatcher()
            }
        ])
}

struct ValidListTest: SieveTest {
    let lists: [SieveText]

    func evaluate(_ run: inout SieveRun) throws(SieveRuntimeError) -> Bool {
        for list in try self.lists.octets(&run) {
            try run.spend(1000)
            if run.host.isListed([], list: String(decoding: list, as: UTF8.self)) == nil { return false }
        }
        return true
    }
}

/// The keys are names of lists; a list that there is not holds nothing.
struct ListMatcher: SieveMatcher {
    func matches(
        _ values: [[UInt8]], _ keys: [SieveText], _ run: inout SieveRun
    ) throws(SieveRuntimeError) -> Bool {
        let lists = try keys.octets(&run).map { String(decoding: $0, as: UTF8.self) }
        for value in values {
            for list in lists {
                try run.spend(1000 + value.count)
                guard run.host.isListed(value, list: list) == true else { continue }
                if run.capturesMatches { run.setMatches([value]) }
                return true
            }
        }
        return false
    }
}
