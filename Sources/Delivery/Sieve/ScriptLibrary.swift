import Glibc
import MailStore
import SieveCore
import Synchronization

/// Compiled scripts of many users, kept by the identity of their files; and which users were seen to have none.
///
/// Safe to use from any thread.
final class ScriptLibrary: Sendable {
    private struct Entry {
        var fingerprint: ScriptFile.Fingerprint
        var compilation: SieveCompilation
        var cost: Int
        var lastUse: UInt64
    }

    private struct State {
        var entries: [String: Entry] = [:]
        var cost = 0
        var uses: UInt64 = 0
        /// When a user was seen to have no script, in milliseconds of a steady clock.
        var scriptless: [String: Int64] = [:]
    }

    private let state = Mutex(State())
    private let compiler: SieveCompiler
    /// Milliseconds of a clock that only goes on.
    private let clock: @Sendable () -> Int64

    /// Bounds of what is kept: scripts, octets of their sources.
    static let maximumEntries = 2048
    static let maximumCost = 32 << 20
    private static let maximumScriptless = 65_536
    /// For so long a new script of a user without one may go unnoticed.
    static let scriptlessPeriod: Int64 = 1000

    init(_ compiler: SieveCompiler, clock: @escaping @Sendable () -> Int64 = ScriptLibrary.steadyMilliseconds) {
        self.compiler = compiler
        self.clock = clock
    }

    static func steadyMilliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
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
    func script(at path: String) throws(StoreError) -> SieveCompilation? {
        let fingerprint: ScriptFile.Fingerprint
        switch try ScriptFile.kind(of: path) {
        case .absent: return nil
        case .directory: throw StoreError(.cannot, "\(path) is a directory")
        case .file(let found): fingerprint = found
        }
        if let known = self.known(path, fingerprint) { return known }
        let limit = self.compiler.limits.scriptSize
        let content: (octets: [UInt8], of: ScriptFile.Fingerprint)
        do throws(StoreError) {
            content = try ScriptFile.read(path, limit: limit > 0 ? limit : .max)
        } catch  where error.code == .notFound {
            return nil
        }
        let compilation = self.compiler.compile(content.octets, name: ScriptFile.name(of: path))
        self.keep(
            path,
            Entry(
                fingerprint: content.of, compilation: compilation, cost: content.octets.count + 256,
                lastUse: 0))
        return compilation
    }

    private func known(_ path: String, _ fingerprint: ScriptFile.Fingerprint) -> SieveCompilation? {
        self.state.withLock { state in
            guard let entry = state.entries[path], entry.fingerprint == fingerprint else { return nil }
            state.uses += 1
            state.entries[path]?.lastUse = state.uses
            return entry.compilation
        }
    }

    private func keep(_ path: String, _ entry: Entry) {
        self.state.withLock { state in
            if let old = state.entries.removeValue(forKey: path) { state.cost -= old.cost }
            state.uses += 1
            var entry = entry
            entry.lastUse = state.uses
            state.entries[path] = entry
            state.cost += entry.cost
            guard state.entries.count > Self.maximumEntries || state.cost > Self.maximumCost else { return }
            // A quarter goes at once, so that the walk over all is rare.
            for (path, entry) in state.entries.sorted(by: { $0.value.lastUse < $1.value.lastUse }) {
                if state.entries.count <= Self.maximumEntries * 3 / 4, state.cost <= Self.maximumCost * 3 / 4 {
                    break
                }
                state.entries[path] = nil
                state.cost -= entry.cost
            }
        }
    }

    var count: Int { self.state.withLock { $0.entries.count } }
}
