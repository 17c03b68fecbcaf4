/// A string as the lexer read it; substitutions such as `encoded-character` come later.
struct StringLiteral: Sendable, Equatable {
    var octets: [UInt8]
    var position: SievePosition
}

/// An argument that is no test and no block.
struct ArgumentNode: Sendable, Equatable {
    enum Kind: Sendable, Equatable {
        case tag(String)
        case number(UInt64)
        case string(StringLiteral)
        /// In brackets; at least one.
        case stringList([StringLiteral])
    }

    var kind: Kind
    var position: SievePosition

    /// The strings in it; none for numbers and tags.
    var strings: [StringLiteral] {
        switch self.kind {
        case .string(let literal): [literal]
        case .stringList(let list): list
        case .number, .tag: []
        }
    }

    /// As an error message names it.
    var description: String {
        switch self.kind {
        case .tag(let name): "the tag \(quoted(":" + name))"
        case .number(let value): "the number \(value)"
        case .string(let literal): "the string \(quoted(literal.octets))"
        case .stringList: "a list of strings"
        }
    }
}

/// The tests that follow the arguments.
struct TestArguments: Sendable {
    enum Form: Sendable { case none, single, list }

    var form: Form = .none
    var tests: [SyntaxNode] = []
    /// Where they begin.
    var position: SievePosition
}

/// A command or a test with its arguments, whatever its name: the grammar knows no names.
struct SyntaxNode: Sendable {
    /// In lower case.
    var name: String
    var position: SievePosition
    var isTest = false
    var arguments: [ArgumentNode] = []
    var tests: TestArguments
    /// `nil`: ended by a semicolon, or a test.
    var block: [SyntaxNode]?
}
