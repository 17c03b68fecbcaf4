import MIMECore
import MailCore

extension SieveExtension {
    /// RFC 5703 section 4.
    static let mime = SieveExtension(
        capability: "mime",
        tags: ["header", "address", "exists"].flatMap {
            [($0, TagDefinition("mime", capability: "mime")), ($0, TagDefinition("anychild", capability: "mime"))]
        }
            + [
                ("header", TagDefinition("type", group: PartFields.optionGroup, capability: "mime")),
                ("header", TagDefinition("subtype", group: PartFields.optionGroup, capability: "mime")),
                ("header", TagDefinition("contenttype", group: PartFields.optionGroup, capability: "mime")),
                (
                    "header",
                    TagDefinition("param", group: PartFields.optionGroup, argument: .stringList, capability: "mime")
                ),
            ])

    /// RFC 5703 section 3.
    static let foreveryPart = SieveExtension(
        capability: "foreverypart",
        commands: [
            SieveDefinition(
                "foreverypart", capability: "foreverypart",
                Signature(tags: [TagDefinition("name", argument: .string)], hasBlock: true)
            ) { compiler, arguments in
                compiler.loop(arguments)
            },
            SieveDefinition(
                "break", capability: "foreverypart", Signature(tags: [TagDefinition("name", argument: .string)])
            ) { compiler, arguments in
                compiler.breakLoop(arguments)
            },
        ])

    /// RFC 5703 section 7.
    static let extractText = SieveExtension(
        capability: "extracttext",
        commands: [
            SieveDefinition(
                "extracttext", capability: "extracttext",
                Signature(
                    tags: VariableModifier.tags + [TagDefinition("first", argument: .number)],
                    positional: [PositionalArgument("the variable", .string)])
            ) { compiler, arguments in
                guard compiler.has("variables") else {
                    compiler.error(
                        arguments.position,
                        "\"extracttext\" needs `require \"variables\";` at the beginning of the script")
                    return
                }
                guard compiler.isInLoop else {
                    compiler.error(arguments.position, "\"extracttext\" belongs into a \"foreverypart\"")
                    return
                }
                let modifiers = VariableModifier.taken(arguments, &compiler)
                guard let literal = arguments.strings(0).first, let variable = compiler.assignedVariable(literal)
                else { return }
                compiler.emit(
                    ExtractTextOperation(
                        variable: variable, modifiers: modifiers,
                        first: arguments.tags[TagGroup(name: "first")]?.number.map { Int(clamping: $0) }))
            }
        ])
}

struct ExtractTextOperation: SieveOperation {
    let variable: SieveVariable
    let modifiers: [VariableModifier]
    /// Characters; `nil`: as many as a variable holds.
    let first: Int?

    func perform(_ run: inout SieveRun) throws(SieveRuntimeError) {
        guard let walk = run.walks.last else { throw run.error("\"extracttext\" belongs into a \"foreverypart\"") }
        let part = walk.view.table.parts[walk.part]
        try run.spend(part.body.count)
        var text: [UInt8] = []
        if part.kind == .text {
            text = walk.view.content(of: walk.part)
            if let first = self.first {
                var characters = 0
                if let end = text.firstIndex(where: {
                    if $0 & 0xC0 != 0x80 { characters += 1 }
                    return characters > first
                }) {
                    text.removeLast(text.count - end)
                }
            }
        }
        run.set(self.variable, VariableModifier.apply(self.modifiers, to: text))
    }
}

/// A `foreverypart` around the command in work.
struct OpenLoop {
    /// `:name`.
    var name: String?
    /// Jumps of its `break`s to behind the loop.
    var breaks: [Int] = []
}

extension ScriptCompiler {
    /// Loops in loops. RFC 5703 section 3 leaves it to the implementation.
    static let maximumLoops = 4

    fileprivate mutating func loop(_ arguments: SieveArguments) {
        guard self.loops.count < Self.maximumLoops else {
            self.error(arguments.position, "\"foreverypart\" is nested more than \(Self.maximumLoops) deep")
            return
        }
        let name = arguments.string("name").map { String(decoding: $0.octets, as: UTF8.self) }
        let begin = self.emitBeginParts()
        self.loops.append(OpenLoop(name: name))
        self.block(of: arguments)
        let loop = self.loops.removeLast()
        self.emit(.nextPart(begin: begin + 1))
        self.landLoop(begin)
        for jump in loop.breaks { self.land(jump) }
    }

    fileprivate mutating func breakLoop(_ arguments: SieveArguments) {
        var place = self.loops.count - 1
        if let literal = arguments.string("name") {
            let name = String(decoding: literal.octets, as: UTF8.self)
            guard let found = self.loops.lastIndex(where: { $0.name == name }) else {
                self.error(literal.position, "no \"foreverypart\" around is named \(quoted(name))")
                return
            }
            place = found
        }
        guard place >= 0 else {
            self.error(arguments.position, "\"break\" belongs into a \"foreverypart\"")
            return
        }
        self.emit(.leaveParts(self.loops.count - place))
        let jump = self.emitJump(.always)
        self.loops[place].breaks.append(jump)
    }
}
