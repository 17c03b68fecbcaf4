extension SieveExtension {
    /// RFC 6134: `:list` of tests and of redirect, and `valid_ext_list`.
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
        ], tags: [("redirect", TagDefinition("list", capability: "extlists"))])
}

/// `redirect :list`: sends the message to every member of a list, which counts as one redirect.
struct RedirectToListOperation: SieveOperation {
    let list: SieveText
    let isCopy: Bool

    /// Members of one list.
    private static let maximumMembers = 100

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) {
        let name = try self.list.octets(&run)
        guard let members = run.host.members(of: String(decoding: name, as: UTF8.self)) else {
            throw run.error("there is no list \(quoted(name)) whose members are known")
        }
        guard members.count <= Self.maximumMembers else {
            throw run.error("the list \(quoted(name)) has more than \(Self.maximumMembers) members")
        }
        try run.spend(1000 * (1 + members.count))
        var counts = true
        for member in members {
            guard let address = RedirectOperation.address(member) else {
                throw run.error("\(quoted(member)) in the list \(quoted(name)) is no address to which mail can be sent")
            }
            try run.add(.redirect(address: address), cancelsKeep: !self.isCopy, counts: counts)
            counts = false
        }
    }
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
        let names = try keys.octets(&run)
        run.noteComparison(values, names)
        let lists = names.map { String(decoding: $0, as: UTF8.self) }
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
