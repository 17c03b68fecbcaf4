import MailCore

extension SieveRegistry {
    /// The language of test scripts.
    static let testing = SieveRegistry(SieveExtension.everything + [.testSuite])

    /// That of scripts that are tested: they may use the commands for tests, but have no tests of their own.
    static let tested: SieveRegistry = {
        var suite = SieveExtension.testSuite
        suite.commands.removeAll { $0.name == "test" }
        return SieveRegistry(SieveExtension.everything + [suite])
    }()

    /// That without what the settings deny.
    static func tested(without denied: Set<String>) -> SieveRegistry {
        var suite = SieveExtension.testSuite
        suite.commands.removeAll { $0.name == "test" }
        return SieveRegistry(
            SieveExtension.everything.filter { $0.isImplicit || !denied.contains($0.capability) } + [suite])
    }
}

extension SieveExtension {
    /// vnd.dovecot.testsuite: for the runner of tests only.
    static let testSuite = SieveExtension(
        capability: "vnd.dovecot.testsuite",
        commands: [
            testCommand,
            word("test_fail", [PositionalArgument("the reason", .string)]) { FailOperation(reason: $0[0][0]) },
            setCommand,
            word(
                "test_config_set",
                [PositionalArgument("the setting", .string), PositionalArgument("the value", .string)]
            ) { SettingOperation(name: $0[0][0], value: $0[1][0]) },
            word("test_config_unset", [PositionalArgument("the setting", .string)]) {
                SettingOperation(name: $0[0][0], value: nil)
            },
            reloadCommand,
            word("test_result_reset", []) { _ in SessionOperation { session, run in session.reset(&run) } },
            word("test_result_print", []) { _ in
                SessionOperation { session, run in session.printResult(&run) }
            },
            word("test_message_print", []) { _ in
                SessionOperation { session, _ in session.print(String(decoding: session.message, as: UTF8.self)) }
            },
            word("test_mailbox_create", [PositionalArgument("the mailbox", .string)]) {
                MailboxOperation(name: $0[0][0], creates: true)
            },
            word("test_mailbox_delete", [PositionalArgument("the mailbox", .string)]) {
                MailboxOperation(name: $0[0][0], creates: false)
            },
            word("test_binary_save", [PositionalArgument("the name", .string)]) {
                BinaryOperation(name: $0[0][0], loads: false)
            },
            word("test_binary_load", [PositionalArgument("the name", .string)]) {
                BinaryOperation(name: $0[0][0], loads: true)
            },
            metadataCommand, messageCommand(asTest: false),
        ],
        tests: [
            test("test_script_compile", [PositionalArgument("the file", .string)]) { CompileTest(file: $0[0][0]) },
            runTest,
            test("test_multiscript", [PositionalArgument("the files", .stringList)]) {
                MultiScriptTest(files: $0[0])
            },
            matching("test_error", .errors), matching("test_result_action", .actions),
            test("test_result_execute", []) { _ in ExecuteTest() },
            messageCommand(asTest: true),
        ],
        namespaces: [
            VariableNamespace(name: "tst", capability: "vnd.dovecot.testsuite", isAssignable: false) {
                .item("tst.\($0)")
            }
        ])

    // MARK: Shapes

    private static func word(
        _ name: String, _ positional: [PositionalArgument],
        _ make: @escaping @Sendable ([[SieveText]]) -> any SieveOperation
    ) -> SieveDefinition {
        SieveDefinition(name, capability: "vnd.dovecot.testsuite", Signature(positional: positional)) {
            compiler, arguments in
            compiler.emit(make(Self.texts(arguments, &compiler)))
        }
    }

    private static func test(
        _ name: String, _ positional: [PositionalArgument],
        _ make: @escaping @Sendable ([[SieveText]]) -> any SieveTest
    ) -> SieveDefinition {
        SieveDefinition(name, capability: "vnd.dovecot.testsuite", Signature(positional: positional)) {
            compiler, arguments in
            compiler.emit(make(Self.texts(arguments, &compiler)))
        }
    }

    /// The strings of all positional arguments; at least one of each, as their types have been checked.
    private static func texts(_ arguments: SieveArguments, _ compiler: inout ScriptCompiler) -> [[SieveText]] {
        var texts: [[SieveText]] = []
        for index in arguments.positional.indices { texts.append(compiler.texts(arguments.strings(index))) }
        return texts
    }

    private static func matching(_ name: String, _ source: ListTest.Source) -> SieveDefinition {
        SieveDefinition(
            name, capability: "vnd.dovecot.testsuite",
            Signature(
                tags: [TagDefinition("index", argument: .number)], shared: [.matchType, .comparator],
                positional: [PositionalArgument("the keys", .stringList)])
        ) { compiler, arguments in
            let keys = compiler.texts(arguments.strings(0))
            guard let matcher = compiler.matcher(arguments, defaultComparator: OctetComparator()) else { return }
            compiler.emit(
                ListTest(
                    source: source, index: arguments.tags[TagGroup(name: "index")]?.number.map { Int(clamping: $0) },
                    keys: keys, matcher: matcher))
        }
    }

    // MARK: Those with a form of their own

    private static let testCommand = SieveDefinition(
        "test", capability: "vnd.dovecot.testsuite",
        Signature(positional: [PositionalArgument("the name", .string)], hasBlock: true)
    ) { compiler, arguments in
        guard compiler.depth == 0 else {
            compiler.error(arguments.position, "\"test\" must not stand in a block")
            return
        }
        guard let name = arguments.strings(0).first else { return }
        compiler.emit(BeginBlock(name: compiler.text(name)))
        compiler.block(of: arguments)
        compiler.emit(EndBlock())
    }

    private static let setCommand = SieveDefinition(
        "test_set", capability: "vnd.dovecot.testsuite",
        Signature(
            positional: [PositionalArgument("the object", .string), PositionalArgument("the value", .string)])
    ) { compiler, arguments in
        guard let literal = arguments.strings(0).first, let value = arguments.strings(1).first,
            let octets = compiler.constant(literal, "the object of \"test_set\"")
        else { return }
        let name = String(decoding: octets, as: UTF8.self).lowercased()
        guard let object = SetObjectOperation.Object(rawValue: name) else {
            compiler.error(literal.position, "there is no object \(quoted(octets)) to set")
            return
        }
        compiler.emit(SetObjectOperation(object: object, value: compiler.text(value)))
    }

    private static let reloadCommand = SieveDefinition(
        "test_config_reload", capability: "vnd.dovecot.testsuite",
        Signature(tags: [TagDefinition("extension", argument: .string)])
    ) { compiler, arguments in
        compiler.emit(ReloadOperation(name: arguments.string("extension").map { compiler.text($0) }))
    }

    private static let metadataCommand = SieveDefinition(
        "test_imap_metadata_set", capability: "vnd.dovecot.testsuite",
        Signature(
            tags: [TagDefinition("mailbox", argument: .string)],
            positional: [PositionalArgument("the entry", .string), PositionalArgument("the value", .string)])
    ) { compiler, arguments in
        guard let entry = arguments.strings(0).first, let value = arguments.strings(1).first else { return }
        compiler.emit(
            MetadataOperation(
                mailbox: arguments.string("mailbox").map { compiler.text($0) }, entry: compiler.text(entry),
                value: compiler.text(value)))
    }

    private static let runTest = SieveDefinition(
        "test_script_run", capability: "vnd.dovecot.testsuite", Signature(tags: [TagDefinition("append_result")])
    ) { compiler, arguments in
        compiler.emit(RunTest(appends: arguments.has("append_result")))
    }

    private static func messageCommand(asTest: Bool) -> SieveDefinition {
        let source = TagGroup(name: "message source")
        return SieveDefinition(
            "test_message", capability: "vnd.dovecot.testsuite",
            Signature(
                tags: [
                    TagDefinition("folder", group: source, argument: .string), TagDefinition("smtp", group: source),
                ], required: [source], positional: [PositionalArgument("the index", .number)])
        ) { compiler, arguments in
            let folder = arguments.tags[source]?.strings.first.map { compiler.text($0) }
            let message = MessageChoice(folder: folder, index: Int(clamping: arguments.number(0)))
            if asTest {
                compiler.emit(.test(message))
            } else {
                compiler.emit(.perform(message))
            }
        }
    }
}
