/// Reads the generic grammar (RFC 5228 section 8.2). After an error it goes on behind the command, so that one
/// look finds several.
///
/// Recursion is bounded by the nesting limits.
struct SieveParser {
    /// The error has been noted; the command is given up.
    private struct Abandoned: Error {}

    /// Arguments of one command or test.
    private static let maximumArguments = 32

    private var lexer: SieveLexer
    private var token: SieveToken
    private let limits: SieveLimits
    /// A block was not closed at the end.
    private var isUnclosed = false

    /// The tree of `source` and what is wrong with it.
    static func parse(
        _ source: [UInt8], limits: SieveLimits
    ) -> (commands: [SyntaxNode], diagnostics: SieveDiagnostics) {
        var parser = SieveParser(source, limits)
        var commands = parser.commands(depth: 0)
        while parser.token.kind != .end {
            // Only a closing brace ends the commands before the end.
            parser.error("\"}\" without a \"{\" before it")
            parser.advance()
            commands += parser.commands(depth: 0)
        }
        return (commands, parser.lexer.diagnostics)
    }

    private init(_ source: [UInt8], _ limits: SieveLimits) {
        self.limits = limits
        self.lexer = SieveLexer(source, limits: limits)
        self.token = self.lexer.next()
    }

    private mutating func advance() { self.token = self.lexer.next() }

    private mutating func error(_ text: String) {
        // Of an invalid token the lexer has spoken already.
        if self.token.kind != .invalid { self.lexer.diagnostics.error(self.token.position, text) }
    }

    private mutating func fail(_ text: String) -> Abandoned {
        self.error(text)
        return Abandoned()
    }

    // MARK: Commands

    private mutating func commands(depth: Int) -> [SyntaxNode] {
        var commands: [SyntaxNode] = []
        while self.token.kind != .end, self.token.kind != .closeBrace {
            do throws(Abandoned) {
                commands.append(try self.command(depth: depth))
            } catch {
                self.skipCommand()
            }
        }
        return commands
    }

    /// Skips to behind the next semicolon or block, or to the brace that closes the block around.
    private mutating func skipCommand() {
        var depth = 0
        while true {
            switch self.token.kind {
            case .end: return
            case .openBrace: depth += 1
            case .closeBrace:
                if depth == 0 { return }
                depth -= 1
                if depth == 0 {
                    self.advance()
                    return
                }
            case .semicolon where depth == 0:
                self.advance()
                return
            default: break
            }
            self.skip()
        }
    }

    /// Goes to the next token where that is not read in earnest: its own mistakes are not told.
    private mutating func skip() {
        let diagnostics = self.lexer.diagnostics
        self.advance()
        self.lexer.diagnostics = diagnostics
    }

    private mutating func command(depth: Int) throws(Abandoned) -> SyntaxNode {
        guard case .identifier(let name) = self.token.kind else {
            throw self.fail("a command was expected, but found \(self.token.description)")
        }
        var node = SyntaxNode(
            name: name, position: self.token.position, tests: TestArguments(position: self.token.position))
        self.advance()
        try self.arguments(of: &node, testDepth: 0)
        switch self.token.kind {
        case .semicolon:
            self.advance()
        case .openBrace:
            guard depth < self.limits.blockNesting else {
                throw self.fail("blocks are nested more than \(self.limits.blockNesting) deep")
            }
            let opening = self.token.position
            self.advance()
            node.block = self.commands(depth: depth + 1)
            if self.token.kind == .closeBrace {
                self.advance()
            } else if !self.isUnclosed {
                // At the end of the script; of those around it the same is to be said.
                self.isUnclosed = true
                self.lexer.diagnostics.error(opening, "this \"{\" has no \"}\"")
            }
        default:
            throw self.fail(
                "\";\" or a block is missing after \(quoted(name)), but found \(self.token.description)")
        }
        return node
    }

    // MARK: Arguments

    private mutating func arguments(of node: inout SyntaxNode, testDepth: Int) throws(Abandoned) {
        while true {
            let position = self.token.position
            guard node.arguments.count <= Self.maximumArguments else {
                throw self.fail("\(quoted(node.name)) has more than \(Self.maximumArguments) arguments")
            }
            switch self.token.kind {
            case .string(let octets):
                node.arguments.append(
                    ArgumentNode(
                        kind: .string(StringLiteral(octets: octets, position: position)), position: position))
                self.advance()
            case .number(let value):
                node.arguments.append(ArgumentNode(kind: .number(value), position: position))
                self.advance()
            case .tag(let name):
                node.arguments.append(ArgumentNode(kind: .tag(name), position: position))
                self.advance()
            case .openBracket:
                self.advance()
                let list = try self.stringList()
                node.arguments.append(ArgumentNode(kind: .stringList(list), position: position))
            case .identifier:
                node.tests = TestArguments(
                    form: .single, tests: [try self.test(depth: testDepth + 1)], position: position)
                return
            case .openParenthesis:
                node.tests = TestArguments(
                    form: .list, tests: try self.testList(depth: testDepth + 1), position: position)
                return
            case .closeBracket, .closeParenthesis, .openBrace, .closeBrace, .comma, .semicolon, .invalid,
                .end:
                return
            }
        }
    }

    /// The rest of a list whose `[` has been consumed.
    private mutating func stringList() throws(Abandoned) -> [StringLiteral] {
        var list: [StringLiteral] = []
        while true {
            guard case .string(let octets) = self.token.kind else {
                throw self.fail("a string was expected in this list, but found \(self.token.description)")
            }
            list.append(StringLiteral(octets: octets, position: self.token.position))
            self.advance()
            switch self.token.kind {
            case .comma: self.advance()
            case .closeBracket:
                self.advance()
                return list
            default:
                throw self.fail(
                    "\",\" or \"]\" was expected in this list, but found \(self.token.description)")
            }
        }
    }

    private mutating func test(depth: Int) throws(Abandoned) -> SyntaxNode {
        guard case .identifier(let name) = self.token.kind else {
            throw self.fail("a test was expected, but found \(self.token.description)")
        }
        guard depth <= self.limits.testNesting else {
            throw self.fail("tests are nested more than \(self.limits.testNesting) deep")
        }
        var node = SyntaxNode(
            name: name, position: self.token.position, isTest: true, tests: TestArguments(position: self.token.position)
        )
        self.advance()
        try self.arguments(of: &node, testDepth: depth)
        return node
    }

    /// Skips to behind the parenthesis that closes the list of tests, as for a comma too many. Gives the command up
    /// where there is none.
    private mutating func skipToEndOfTests() throws(Abandoned) {
        var depth = 0
        while true {
            switch self.token.kind {
            case .openParenthesis: depth += 1
            case .closeParenthesis:
                if depth == 0 {
                    self.advance()
                    return
                }
                depth -= 1
            case .semicolon, .openBrace, .closeBrace, .end: throw Abandoned()
            default: break
            }
            self.skip()
        }
    }

    /// `(test, test)`
    private mutating func testList(depth: Int) throws(Abandoned) -> [SyntaxNode] {
        self.advance()
        var tests: [SyntaxNode] = []
        while true {
            guard case .identifier = self.token.kind else {
                self.error("a test was expected, but found \(self.token.description)")
                try self.skipToEndOfTests()
                return tests
            }
            tests.append(try self.test(depth: depth))
            switch self.token.kind {
            case .comma: self.advance()
            case .closeParenthesis:
                self.advance()
                return tests
            default:
                throw self.fail(
                    "\",\" or \")\" was expected in this list of tests, but found \(self.token.description)")
            }
        }
    }
}
