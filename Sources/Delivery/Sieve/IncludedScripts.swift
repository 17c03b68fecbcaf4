import MailCore
import SieveCore
import SieveStorage
import Synchronization

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
        let octets = self.places.source(of: name, limit: self.limit)
        self.found.withLock { $0[name] = .some(octets.map { SHA256.digest($0) }) }
        return octets
    }

    func registry(of location: SieveScriptName.Location) -> SieveRegistry? {
        location == .global ? self.global : nil
    }
}
