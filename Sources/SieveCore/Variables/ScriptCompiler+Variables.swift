extension ScriptCompiler {
    /// The string with its references resolved; complains of those that cannot be.
    mutating func resolveVariables(_ octets: [UInt8], at position: SievePosition) -> SieveText {
        guard octets.contains(UInt8(ascii: "$")) else { return SieveText(octets) }
        var pieces: [SieveText.Piece] = []
        for token in VariableReference.tokens(octets) {
            switch token {
            case .octets(let octets): pieces.append(.octets(octets))
            case .reference(let parts):
                if let variable = self.variable(parts, at: position) { pieces.append(.variable(variable)) }
            }
        }
        return SieveText(pieces)
    }

    private mutating func variable(_ parts: [String], at position: SievePosition) -> SieveVariable? {
        let last = parts[parts.count - 1]
        if parts.count > 1 {
            return self.namespaced(parts, at: position)?.variable(parts.dropFirst().joined(separator: "."))
        }
        if let number = Int(last) {
            guard number <= VariableReference.maximumMatch else {
                self.error(
                    position, "there are match variables up to ${\(VariableReference.maximumMatch)} only")
                return nil
            }
            return .match(number)
        }
        // All digits and yet no number: too big.
        if last.utf8.first.map({ $0 >= 0x30 && $0 <= 0x39 }) ?? true {
            self.error(position, "there are match variables up to ${\(VariableReference.maximumMatch)} only")
            return nil
        }
        return self.variable(named: last, at: position)
    }

    private mutating func namespaced(_ parts: [String], at position: SievePosition) -> VariableNamespace? {
        let shown = "${" + parts.joined(separator: ".") + "}"
        guard let space = self.registry.namespaces[parts[0]], self.has(space.capability) else {
            self.error(position, "unknown variable namespace \(quoted(parts[0])) in \(quoted(shown))")
            return nil
        }
        guard parts.count == 2 || space.hasLevels, !(parts[1].utf8.first.map { $0 >= 0x30 && $0 <= 0x39 } ?? true)
        else {
            self.error(position, "\(quoted(shown)) is no variable of the namespace \(quoted(parts[0]))")
            return nil
        }
        return space
    }

    /// The variable that `set` and others store into; `nil` after an error.
    mutating func assignedVariable(_ literal: StringLiteral) -> SieveVariable? {
        guard let parts = VariableReference.name(of: literal.octets),
            let last = parts.last, !(last.utf8.first.map { $0 >= 0x30 && $0 <= 0x39 } ?? true)
        else {
            let isNumber = literal.octets.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } && !literal.octets.isEmpty
            self.error(
                literal.position,
                isNumber
                    ? "the match variable \(quoted(literal.octets)) cannot be set"
                    : "\(quoted(literal.octets)) is no name of a variable")
            return nil
        }
        if parts.count == 1 { return self.variable(named: last, at: literal.position) }
        guard let space = self.namespaced(parts, at: literal.position) else { return nil }
        guard space.isAssignable else {
            self.error(literal.position, "variables of the namespace \(quoted(parts[0])) cannot be set")
            return nil
        }
        return space.variable(last)
    }
}
