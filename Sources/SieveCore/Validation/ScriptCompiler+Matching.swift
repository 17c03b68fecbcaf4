extension ScriptCompiler {
    /// How a test compares, from its tags `:is`, `:comparator` and so on; `nil` after an error.
    mutating func matcher(
        _ arguments: SieveArguments, defaultComparator: any SieveComparator = ASCIICasemapComparator()
    ) -> (any SieveMatcher)? {
        guard let comparator = self.comparator(arguments, defaultComparator) else { return nil }
        let tag = arguments.tags[.matchType]
        guard let type = self.registry.matchTypes[tag?.name ?? "is"] else { return nil }
        if type.needsSubstrings, !comparator.allowsSubstrings {
            self.error(
                tag?.position ?? arguments.position,
                "the comparator \(quoted(comparator.name)) cannot be used with \(quoted(":" + type.name))")
            return nil
        }
        if type.name == "regex" { self.checkExpressions(arguments, ignoringCase: comparator.name != "i;octet") }
        return type.make(&self, tag?.argument, comparator)
    }

    /// The keys are the last argument of every test.
    private mutating func checkExpressions(_ arguments: SieveArguments, ignoringCase: Bool) {
        for literal in arguments.positional.last?.strings ?? [] {
            guard let key = self.text(literal).constant,
                case .failure(let problem) = Regex.parse(key, ignoringCase: ignoringCase)
            else { continue }
            self.error(literal.position, "\(quoted(key)) is no regular expression: \(problem.text)")
        }
    }

    private mutating func comparator(
        _ arguments: SieveArguments, _ defaultComparator: any SieveComparator
    ) -> (any SieveComparator)? {
        guard let tag = arguments.tags[.comparator], let argument = tag.argument,
            case .string(let literal) = argument.kind
        else { return defaultComparator }
        let name = String(decoding: literal.octets, as: UTF8.self)
        guard let comparator = self.registry.comparators[name] else {
            self.error(literal.position, "unknown comparator \(quoted(name))")
            return nil
        }
        let capability = "comparator-" + name
        guard self.has(capability) else {
            self.error(
                literal.position,
                "the comparator \(quoted(name)) needs `require \(quoted(capability));` at the beginning of the script"
            )
            return nil
        }
        self.use(capability)
        return comparator
    }

    /// Which part of an address a test compares.
    func addressPart(_ arguments: SieveArguments) -> AddressPartDefinition {
        arguments.tags[.addressPart].flatMap { self.registry.addressParts[$0.name] } ?? .all
    }

    /// Header names; warns of those that no header can have.
    mutating func headerNames(_ literals: [StringLiteral]) -> [SieveText] {
        let names = self.texts(literals)
        for (name, literal) in zip(names, literals) {
            guard let octets = name.constant, !FieldName.isValid(octets) else { continue }
            let hint = octets.last == UInt8(ascii: ":") ? "; write it without the colon" : ""
            self.diagnostics.warning(
                literal.position, "no header is ever named \(quoted(octets))\(hint)")
        }
        return names
    }
}
