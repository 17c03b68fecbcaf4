import Logging
import MailStore
import ManageSieveCore
import ServerConfig
import ServerCore
import SieveCore
import SieveStorage

extension ManageSieveSession {
    /// A command on the user's scripts.
    func run(_ command: ManageSieveCommand, _ login: Login) async {
        do throws(StoreError) {
            switch command {
            case .haveSpace(let name, let size): try await self.haveSpace(self.name(name), size, login)
            case .putScript(let name, let content): try await self.put(self.name(name), content, login)
            case .listScripts: try await self.list(login)
            case .setActive(let name):
                let wanted = name.isEmpty ? nil : try self.name(name)
                if let wanted, !(try await self.compiles(wanted, login)) { return }
                try await self.files(login) { storage throws(StoreError) in try storage.activate(wanted) }
                self.reply(.ok, nil, wanted == nil ? "No script is active." : "Script activated.")
            case .getScript(let name):
                let wanted = try self.name(name)
                let limit = self.maximumScript
                let content = try await self.files(login) { storage throws(StoreError) in
                    try storage.read(wanted, limit: limit)
                }
                self.connection.output += "{\(content.count)}\r\n".utf8
                self.connection.output += content
                self.connection.output += "\r\n".utf8
                self.reply(.ok, nil, "")
            case .deleteScript(let name):
                let wanted = try self.name(name)
                try await self.files(login) { storage throws(StoreError) in try storage.delete(wanted) }
                self.reply(.ok, nil, "Script deleted.")
            case .renameScript(let name, let target):
                let (old, new) = (try self.name(name), try self.name(target))
                try await self.files(login) { storage throws(StoreError) in try storage.rename(old, to: new) }
                self.reply(.ok, nil, "Script renamed.")
            case .checkScript(let content):
                if let warnings = try await self.check(content, name: "script", login) {
                    self.reply(.ok, warnings.isEmpty ? nil : .warnings, warnings)
                }
            case .authenticate, .startTLS, .logout, .capability, .noop, .unauthenticate: break
            }
        } catch {
            self.refuse(error, login)
        }
    }

    private func refuse(_ error: StoreError, _ login: Login) {
        switch error.code {
        case .notFound: self.reply(.no, .nonexistent, "There is no such script.")
        case .alreadyExists: self.reply(.no, .alreadyExists, "There is a script of that name already.")
        case .inUse: self.reply(.no, .active, "The script is active; deactivate it first.")
        case .limit: self.reply(.no, nil, error.detail)
        case .overQuota, .diskFull, .tooBig: self.reply(.no, .quota, "There is no room for the script.")
        default:
            self.options.logger.error("\(self.label(login.user)): \(error)")
            self.reply(.no, .tryLater, "Internal error occurred. Try again later.")
        }
    }

    /// Work on files, on a storage thread and under the owner's ids.
    private func files<R: Sendable>(
        _ login: Login, _ body: @escaping @Sendable (SieveStorage) throws(StoreError) -> R
    ) async throws(StoreError) -> R {
        let (identity, storage) = (login.identity, login.storage)
        return try await self.options.store.threads.run { () throws(StoreError) -> R in
            try identity.asOwner { () throws(StoreError) -> R in try body(storage) }
        }
    }

    /// `.limit` with words for the client.
    private func name(_ octets: [UInt8]) throws(StoreError) -> String {
        guard let name = String(validating: octets, as: UTF8.self), SieveStorage.isName(name) else {
            throw StoreError(.limit, "This is no name for a script.")
        }
        return name
    }

    // MARK: Commands

    private func list(_ login: Login) async throws(StoreError) {
        let scripts = try await self.files(login) { storage throws(StoreError) in
            try storage.adoptFile()
            return try storage.list()
        }
        for script in scripts {
            ManageSieveString.encode(Array(script.name.utf8), into: &self.connection.output)
            self.connection.output += (script.isActive ? " ACTIVE\r\n" : "\r\n").utf8
        }
        self.reply(.ok, nil, "Listscripts completed.")
    }

    private func haveSpace(_ name: String, _ size: UInt64, _ login: Login) async throws(StoreError) {
        guard size <= UInt64(self.maximumScript) else {
            return self.reply(.no, .quotaMaxSize, "A script may have \(self.maximumScript) octets at most.")
        }
        guard try await self.hasRoom(name, Int(size), login) else { return }
        self.reply(.ok, nil, "There is room.")
    }

    private func put(_ name: String, _ content: [UInt8], _ login: Login) async throws(StoreError) {
        guard try await self.hasRoom(name, content.count, login),
            let warnings = try await self.check(content, name: name, login)
        else { return }
        try await self.files(login) { storage throws(StoreError) in
            try storage.adoptFile()
            try storage.write(name, content)
        }
        self.reply(.ok, warnings.isEmpty ? nil : .warnings, warnings.isEmpty ? "Script stored." : warnings)
    }

    /// Compares with the quota; answers the client when there is no room.
    private func hasRoom(_ name: String, _ size: Int, _ login: Login) async throws(StoreError) -> Bool {
        let sieve = self.settings.sieve
        guard sieve.maximumScripts > 0 || sieve.maximumStorage > 0 else { return true }
        let others = try await self.files(login) { storage throws(StoreError) in
            try storage.list().filter { $0.name != name }
        }
        if sieve.maximumScripts > 0, others.count + 1 > sieve.maximumScripts {
            self.reply(.no, .quotaMaxScripts, "There may be \(sieve.maximumScripts) scripts at most.")
            return false
        }
        let used = others.reduce(UInt64(0)) { $0 + $1.size }
        if sieve.maximumStorage > 0, used + UInt64(size) > sieve.maximumStorage {
            self.reply(.no, .quotaMaxSize, "The scripts may have \(sieve.maximumStorage) octets together at most.")
            return false
        }
        return true
    }

    /// Compiles a script, on a storage thread since that may take long; `nil` after the client was told what is wrong,
    /// else its warnings.
    private func check(
        _ content: [UInt8], name: String, _ login: Login
    ) async throws(StoreError) -> String? {
        let (compiler, global) = (self.options.compiler, self.options.globalRegistry)
        let compilation = try await self.files(login) { storage throws(StoreError) in
            compiler.compile(
                content, name: name,
                included: StoredScripts(storage, global: global, limit: compiler.limits.scriptSize))
        }
        let lines = compilation.diagnostics.map { "\(name): \($0)" }
        guard compilation.script != nil else {
            self.reply(.no, nil, lines.joined(separator: "\r\n"))
            return nil
        }
        return lines.joined(separator: "\r\n")
    }

    /// Only a script without mistakes becomes active.
    private func compiles(_ name: String, _ login: Login) async throws(StoreError) -> Bool {
        let limit = self.maximumScript
        let content = try await self.files(login) { storage throws(StoreError) in
            try storage.read(name, limit: limit)
        }
        return try await self.check(content, name: name, login) != nil
    }
}
