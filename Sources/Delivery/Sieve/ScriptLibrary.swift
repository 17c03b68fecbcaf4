import Glibc
import MailCore
import MailStore
import SieveCore
import SieveStorage
import Synchronization
import Threads

/// Compiled scripts of many users, kept by their content, so that equal scripts are compiled once; and which users
/// were seen to have none. A file that has not changed is not read again.
///
/// Safe to use from any thread.
final class ScriptLibrary: Sendable {
    /// Whose language a script is in.
    enum Language: Hashable, Sendable { case personal, global }

    private struct Key: Hashable {
        var hash: [UInt8]
        /// As logs call it.
        var name: String
        var language: Language
        /// Of a script that includes others: they are this user's.
        var user: String?
    }

    private struct Entry {
        var compilation: SieveCompilation
        /// The hashes of included scripts; `nil` for those that were not there.
        var included: [SieveScriptName: [UInt8]?]
        var cost: Int
        var lastUse: UInt64
    }

    private struct KnownFile {
        var fingerprint: ScriptFile.Fingerprint
        var hash: [UInt8]
    }

    private struct State {
        var entries: [Key: Entry] = [:]
        var files: [String: KnownFile] = [:]
        var cost = 0
        var uses: UInt64 = 0
        /// When a user was seen to have no script, in milliseconds of a steady clock.
        var scriptless: [String: Int64] = [:]
    }

    private let state = Mutex(State())
    private let personal: SieveCompiler
    private let global: SieveCompiler
    /// Milliseconds of a clock that only goes on.
    private let clock: @Sendable () -> Int64

    /// Bounds of what is kept: scripts, octets of their sources, files whose content is known.
    static let maximumEntries = 2048
    static let maximumCost = 32 << 20
    private static let maximumFiles = 16_384
    private static let maximumScriptless = 65_536
    /// For so long a new script of a user without one may go unnoticed.
    static let scriptlessPeriod: Int64 = 1000

    /// - Parameters:
    ///   - personal: the language of users' own scripts.
    ///   - global: that of scripts for all.
    init(
        personal: SieveCompiler, global: SieveCompiler,
        clock: @escaping @Sendable () -> Int64 = SteadyClock.milliseconds
    ) {
        self.personal = personal
        self.global = global
        self.clock = clock
    }

    // MARK: Users without scripts

    /// Whether no script was found for the user within the last second. Does not wait.
    func isKnownScriptless(_ user: String) -> Bool {
        let now = self.clock()
        return self.state.withLock { state in
            guard let seen = state.scriptless[user] else { return false }
            return now - seen < Self.scriptlessPeriod
        }
    }

    func noteScriptless(_ user: String) {
        let now = self.clock()
        self.state.withLock { state in
            // Entries age by themselves; the table is only kept from growing.
            if state.scriptless.count >= Self.maximumScriptless { state.scriptless.removeAll() }
            state.scriptless[user] = now
        }
    }

    // MARK: Scripts

    /// The compiled script at `path`, or `nil` when there is none. Waits for the disk.
    func script(
        at path: String, _ language: Language, _ places: ScriptPlaces
    ) throws(StoreError) -> SieveCompilation? {
        guard let file = try self.file(path) else { return nil }
        var key = Key(hash: file.hash, name: ScriptFile.name(of: path), language: language)
        if let known = self.entry(key) { return known.compilation }
        key.user = places.user
        if let known = self.entry(key), self.isAsItWas(known, places) { return known.compilation }
        var content = file.octets
        if content == nil { content = try self.content(path)?.octets }
        guard let octets = content else { return nil }
        return self.compile(octets, key, places)
    }

    /// Whether the included scripts are what they were.
    private func isAsItWas(_ entry: Entry, _ places: ScriptPlaces) -> Bool {
        entry.included.allSatisfy { name, hash in
            for path in places.candidates(name) {
                if let file = try? self.file(path) { return file.hash == hash }
            }
            return hash == nil
        }
    }

    private func compile(_ octets: [UInt8], _ key: Key, _ places: ScriptPlaces) -> SieveCompilation {
        let compiler = key.language == .personal ? self.personal : self.global
        let source = IncludedScripts(places, limit: self.limit, global: self.global.registry)
        let compilation = compiler.compile(octets, name: key.name, included: source)
        var key = key
        if compilation.included.isEmpty { key.user = nil }
        self.keep(
            key,
            Entry(compilation: compilation, included: source.hashes, cost: octets.count + 256, lastUse: 0))
        return compilation
    }

    // MARK: Files

    private var limit: Int {
        let size = self.personal.limits.scriptSize
        return size > 0 ? size : .max
    }

    /// What is in the file, read only where it has changed; `nil`: there is none.
    private func file(_ path: String) throws(StoreError) -> (hash: [UInt8], octets: [UInt8]?)? {
        switch try ScriptFile.kind(of: path) {
        case .absent: return nil
        case .directory: throw StoreError(.cannot, "\(path) is a directory")
        case .file(let fingerprint):
            let known = self.state.withLock { $0.files[path] }
            if let known, known.fingerprint == fingerprint { return (known.hash, nil) }
            return try self.content(path)
        }
    }

    private func content(_ path: String) throws(StoreError) -> (hash: [UInt8], octets: [UInt8]?)? {
        let content: (octets: [UInt8], of: ScriptFile.Fingerprint)
        do throws(StoreError) {
            content = try ScriptFile.read(path, limit: self.limit)
        } catch  where error.code == .notFound {
            return nil
        }
        let hash = SHA256.digest(content.octets)
        self.state.withLock { state in
            // Those in use are soon known again.
            if state.files.count >= Self.maximumFiles { state.files.removeAll() }
            state.files[path] = KnownFile(fingerprint: content.of, hash: hash)
        }
        return (hash, content.octets)
    }

    // MARK: What is kept

    private func entry(_ key: Key) -> Entry? {
        self.state.withLock { state in
            guard let entry = state.entries[key] else { return nil }
            state.uses += 1
            state.entries[key]?.lastUse = state.uses
            return entry
        }
    }

    private func keep(_ key: Key, _ entry: Entry) {
        self.state.withLock { state in
            if let old = state.entries.removeValue(forKey: key) { state.cost -= old.cost }
            state.uses += 1
            var entry = entry
            entry.lastUse = state.uses
            state.entries[key] = entry
            state.cost += entry.cost
            guard state.entries.count > Self.maximumEntries || state.cost > Self.maximumCost else { return }
            // A quarter goes at once, so that the walk over all is rare.
            for (key, entry) in state.entries.sorted(by: { $0.value.lastUse < $1.value.lastUse }) {
                if state.entries.count <= Self.maximumEntries * 3 / 4, state.cost <= Self.maximumCost * 3 / 4 {
                    break
                }
                state.entries[key] = nil
                state.cost -= entry.cost
            }
        }
    }

    var count: Int { self.state.withLock { $0.entries.count } }
}
