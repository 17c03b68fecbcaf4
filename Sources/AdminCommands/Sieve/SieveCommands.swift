import Accounts
import Authentication
import MailStore
public import SieveCore
import SieveStorage

/// A verb of `sieve` on users' scripts, as doveadm has them.
public enum SieveVerb: Sendable, Hashable {
    case list
    case get(script: String)
    case put(script: String, content: String, activates: Bool)
    case activate(script: String)
    case deactivate
    case delete(script: String, deactivates: Bool)
    case rename(script: String, to: String)
    /// Compiles scripts of the storage; none named: all.
    case check(scripts: [String])

    /// - Parameter also: the option `-a`.
    init(_ verb: String, also: Bool, _ operands: [String]) throws(AdminError) {
        func take(_ usage: String, _ count: Int) throws(AdminError) {
            guard operands.count == count else {
                throw AdminError(.usage, "usage: martlet sieve \(verb) -u USER \(usage)")
            }
        }
        switch verb {
        case "list":
            try take("", 0)
            self = .list
        case "get":
            try take("SCRIPT", 1)
            self = .get(script: operands[0])
        case "put":
            try take("[-a] SCRIPT CONTENT", 2)
            self = .put(script: operands[0], content: operands[1], activates: also)
        case "activate":
            try take("SCRIPT", 1)
            self = .activate(script: operands[0])
        case "deactivate":
            try take("", 0)
            self = .deactivate
        case "delete":
            try take("[-a] SCRIPT", 1)
            self = .delete(script: operands[0], deactivates: also)
        case "rename":
            try take("SCRIPT NEW-NAME", 2)
            self = .rename(script: operands[0], to: operands[1])
        case "check":
            self = .check(scripts: operands)
        default:
            throw AdminError(
                .usage,
                "unknown command: sieve \(verb); there are list, get, put, activate, deactivate, delete, rename, check")
        }
        switch verb {
        case "put", "delete": break
        default: if also { throw AdminError(.usage, "unknown option -a; usage: martlet sieve \(verb) -u USER ...") }
        }
    }

    var columns: [String] {
        switch self {
        case .list: ["script", "active", "size"]
        case .get: ["content"]
        case .put, .activate, .deactivate, .delete, .rename, .check: []
        }
    }
}

/// `sieve ...` on one user's scripts.
///
/// Quotas of scripts are the users': an administrator may exceed them.
struct SieveCommands {
    private let storage: SieveStorage
    private let identity: AccountIdentity
    private let context: AdminContext

    static func run(
        _ verb: SieveVerb, _ user: UserRecord, _ context: AdminContext, _ output: inout some AdminOutput
    ) async throws(AdminError) {
        guard let storage = context.sieve.storage(user) else {
            throw AdminError(.configuration, "user \(user.user) has no place for Sieve scripts: no home directory")
        }
        let identity: AccountIdentity
        do throws(StoreError) { identity = try context.accounts.identity(of: user) } catch {
            throw AdminError(error, "account \(user.user)")
        }
        try await SieveCommands(storage: storage, identity: identity, context: context).run(verb, &output)
    }

    private func run(_ verb: SieveVerb, _ output: inout some AdminOutput) async throws(AdminError) {
        switch verb {
        case .list:
            for script in try await self.list() {
                try await output.row([script.name, script.isActive ? "ACTIVE" : "", String(script.size)])
            }
        case .get(let script):
            try await output.row([try await self.read(script)])
        case .put(let script, let content, let activates):
            try await self.check(Array(content.utf8), script, &output)
            try await self.files(script) { storage throws(StoreError) in
                try storage.adoptFile()
                try storage.write(script, Array(content.utf8))
                if activates { try storage.activate(script) }
            }
        case .activate(let script):
            try await self.check(try await self.read(script), script, &output)
            try await self.files(script) { storage throws(StoreError) in try storage.activate(script) }
        case .deactivate:
            try await self.files(nil) { storage throws(StoreError) in try storage.activate(nil) }
        case .delete(let script, let deactivates):
            try await self.files(script) { storage throws(StoreError) in
                if deactivates, storage.activeName() == script { try storage.activate(nil) }
                try storage.delete(script)
            }
        case .rename(let script, let target):
            try Self.checkName(target)
            try await self.files(script) { storage throws(StoreError) in try storage.rename(script, to: target) }
        case .check(let scripts):
            let names = scripts.isEmpty ? try await self.list().map(\.name) : scripts
            var faulty = 0
            for name in names {
                do throws(AdminError) {
                    try await self.check(try await self.read(name), name, &output)
                } catch  where error.exit == .data {
                    faulty += 1
                }
            }
            if faulty > 0 {
                throw AdminError(.data, "\(faulty) of \(names.count) script\(names.count == 1 ? "" : "s") with errors")
            }
        }
    }

    // MARK: Scripts

    private func list() async throws(AdminError) -> [SieveStorage.Script] {
        try await self.files(nil) { storage throws(StoreError) in
            try storage.adoptFile()
            return try storage.list()
        }
    }

    private func read(_ script: String) async throws(AdminError) -> [UInt8] {
        let wanted = self.context.sieve.compiler.limits.scriptSize
        let limit = wanted > 0 ? wanted : Int.max
        return try await self.files(script) { storage throws(StoreError) in try storage.read(script, limit: limit) }
    }

    /// Compiles a script and tells what is wrong with it; `.data` when delivery would refuse it.
    private func check(
        _ content: [UInt8], _ script: String, _ output: inout some AdminOutput
    ) async throws(AdminError) {
        try Self.checkName(script)
        let (compiler, global) = (self.context.sieve.compiler, self.context.sieve.globalRegistry)
        let compilation = try await self.files(nil) { storage throws(StoreError) in
            compiler.compile(
                content, name: script,
                included: StoredScripts(storage, global: global, limit: compiler.limits.scriptSize))
        }
        for diagnostic in compilation.diagnostics {
            try await output.problem(diagnostic.line(of: script))
        }
        let hidden = compilation.errorCount - compilation.diagnostics.count { $0.severity == .error }
        if hidden > 0 { try await output.problem("\(script): \(hidden) more errors") }
        if compilation.script == nil { throw AdminError(.data, "the script \(script) has errors") }
    }

    private static func checkName(_ script: String) throws(AdminError) {
        guard SieveStorage.isName(script) else {
            throw AdminError(.usage, "not a name for a script: \(script)")
        }
    }

    /// Work on files, on a storage thread and under the owner's ids.
    private func files<Value: Sendable>(
        _ script: String?, _ body: @escaping @Sendable (SieveStorage) throws(StoreError) -> Value
    ) async throws(AdminError) -> Value {
        if let script { try Self.checkName(script) }
        let (identity, storage) = (self.identity, self.storage)
        do throws(StoreError) {
            return try await self.context.store.threads.run { () throws(StoreError) -> Value in
                try identity.asOwner { () throws(StoreError) -> Value in try body(storage) }
            }
        } catch {
            switch error.code {
            case .notFound: throw AdminError(.notFound, error.detail)
            case .alreadyExists: throw AdminError(.exists, error.detail)
            case .inUse: throw AdminError(.exists, "\(error.detail); -a deactivates it first")
            case .noPermission, .expunged, .overQuota, .tooBig, .limit, .diskFull, .temporary, .cannot, .damaged:
                throw AdminError(error, "scripts of \(identity.name)")
            }
        }
    }
}

extension SieveDiagnostic {
    /// `vacation:3:7: error: unknown command "foo"`, as compilers write it.
    public func line(of script: String) -> String {
        "\(script):\(self.position.line):\(self.position.column): \(self.severity.rawValue): \(self.text)"
    }
}
