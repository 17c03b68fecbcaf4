struct CompileTest: SieveTest {
    let file: SieveText

    func evaluate(_ run: inout SieveRun) throws(SieveRuntimeError) -> Bool {
        let session = try run.testSession()
        let name = String(decoding: try self.file.octets(&run), as: UTF8.self)
        session.errors = []
        guard let script = session.compile(session.path(name, of: run)) else { return false }
        session.script = script
        return true
    }
}

struct RunTest: SieveTest {
    let appends: Bool

    func evaluate(_ run: inout SieveRun) throws(SieveRuntimeError) -> Bool {
        let session = try run.testSession()
        session.errors = []
        if self.appends {
            try session.absorb(&run)
        } else {
            session.result = TestResult()
            run.result = SieveResult()
            if !run.message.isOriginal { session.refresh(&run) }
            run.flags = []
        }
        guard let script = session.script else {
            session.errors.append("there is no script to run")
            return false
        }
        let generation = session.generation
        let result = session.run(
            script, flags: self.appends ? session.result.keepFlags : session.messageFlags,
            message: self.appends ? session.result.editedMessage : nil)
        if session.generation != generation { session.refresh(&run) }
        session.subtestFailure = nil
        if let error = result.error {
            session.errors.append(error.text)
            return false
        }
        if let text = session.result.add(result) {
            session.errors.append(text)
            return false
        }
        return true
    }
}

extension TestSession {
    /// Runs a tested script over the current message.
    func run(_ script: SieveScript, flags: [String], message: SieveMessage? = nil) -> SieveResult {
        // Tested scripts may test others.
        guard self.depth < 8 else {
            var failed = SieveResult()
            failed.error = SieveRuntimeError(
                script: script.name, position: SievePosition(line: 1, column: 1),
                text: "scripts run each other too deep")
            return failed
        }
        self.depth += 1
        defer { self.depth -= 1 }
        return script.run(
            message ?? self.currentMessage, self.environment, limits: self.settings.limits, flags: flags)
    }
}

struct MultiScriptTest: SieveTest {
    let files: [SieveText]

    func evaluate(_ run: inout SieveRun) throws(SieveRuntimeError) -> Bool {
        let session = try run.testSession()
        session.errors = []
        var sequence = SieveSequence()
        var succeeded = true
        var done = 0
        for file in try self.files.octets(&run) where sequence.goesOn {
            guard let script = session.compile(session.path(String(decoding: file, as: UTF8.self), of: run)) else {
                succeeded = false
                break
            }
            let result = session.run(script, flags: sequence.flags, message: sequence.message)
            sequence.add(result)
            if let error = sequence.error {
                session.errors.append(error.text)
                succeeded = false
                break
            }
            // What each script decided is carried out before the next one runs.
            var outcome = TestResult(of: sequence, from: done)
            done = sequence.actions.count
            if !outcome.execute(session) {
                succeeded = false
                break
            }
        }
        if sequence.keeps || !succeeded {
            var keep = TestResult(keepOf: sequence)
            _ = keep.execute(session)
        }
        return succeeded
    }
}

struct ExecuteTest: SieveTest {
    func evaluate(_ run: inout SieveRun) throws(SieveRuntimeError) -> Bool {
        let session = try run.testSession()
        try session.absorb(&run)
        session.errors = []
        return session.result.execute(session)
    }
}

/// `test_error` and `test_result_action`.
struct ListTest: SieveTest {
    enum Source: Sendable { case errors, actions }

    let source: Source
    /// From 1; `nil`: all.
    let index: Int?
    let keys: [SieveText]
    let matcher: any SieveMatcher

    func evaluate(_ run: inout SieveRun) throws(SieveRuntimeError) -> Bool {
        let session = try run.testSession()
        var values: [String]
        switch self.source {
        case .errors: values = session.errors
        case .actions:
            try session.absorb(&run)
            values = session.result.names
        }
        if let index = self.index {
            values = index >= 1 && index <= values.count ? [values[index - 1]] : []
        }
        return try self.matcher.matches(values.map { Array($0.utf8) }, self.keys, &run)
    }
}
