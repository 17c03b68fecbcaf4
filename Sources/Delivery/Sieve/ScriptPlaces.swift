import Glibc
import MailCore
import MailStore
import SieveCore
import Synchronization

/// Where one user's scripts find those that they include. Paths are absolute.
struct ScriptPlaces: Sendable {
    /// The user, so that what was found for one is not taken for another.
    var user: String
    /// The directory of the user's own scripts.
    var personal: String?
    /// Directories of scripts for all, or scripts, in the order in which they are looked through.
    var global: [String] = []
    /// The script of users who have none, and the name by which their own scripts may include it.
    var fallback: (name: String, path: String)?

    /// Files in which the script may be; the first that is there is it.
    func candidates(_ name: SieveScriptName) -> [String] {
        // The compiler has refused names with a slash, but not those that begin with a dot.
        guard name.name.utf8.first != UInt8(ascii: "."), !name.name.utf8.contains(UInt8(ascii: "/")) else { return [] }
        switch name.location {
        case .personal:
            var paths = self.personal.map { ["\($0)/\(name.name).sieve"] } ?? []
            if let fallback = self.fallback, fallback.name == name.name { paths.append(fallback.path) }
            return paths
        case .global:
            return self.global.flatMap { place in
                let file = "\(place)/\(name.name).sieve"
                return ScriptFile.name(of: place) == name.name ? [file, place] : [file]
            }
        }
    }
}

/// Reads the scripts that a script includes, and notes what they were.
final class IncludedScripts: SieveScriptSource {
    private let places: ScriptPlaces
    private let limit: Int
    private let global: SieveRegistry
    /// The hashes of what was found; `nil` for what was not.
    private let found = Mutex<[SieveScriptName: [UInt8]?]>([:])

    init(_ places: ScriptPlaces, limit: Int, global: SieveRegistry) {
        self.places = places
        self.limit = limit
        self.global = global
    }

    /// As it was when the scripts were compiled.
    var hashes: [SieveScriptName: [UInt8]?] { self.found.withLock { $0 } }

    func source(of name: SieveScriptName) -> [UInt8]? {
        for path in self.places.candidates(name) {
            // What cannot be read is not there: the script that includes it says so.
            guard let content = try? ScriptFile.read(path, limit: self.limit) else { continue }
            self.found.withLock { $0[name] = .some(SHA256.digest(content.octets)) }
            return content.octets
        }
        self.found.withLock { $0[name] = .some(nil) }
        return nil
    }

    func registry(of location: SieveScriptName.Location) -> SieveRegistry? {
        location == .global ? self.global : nil
    }
}
