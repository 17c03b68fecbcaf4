public import SieveCore

/// The scripts that a user's own may include, as delivery would find them. Reads wait for the disk and run under the
/// ids of the caller's thread.
public struct StoredScripts: SieveScriptSource {
    private let places: ScriptPlaces
    private let global: SieveRegistry
    private let limit: Int

    /// - Parameters:
    ///   - global: the language of scripts for all.
    ///   - limit: octets of the largest script.
    public init(_ storage: SieveStorage, global: SieveRegistry, limit: Int) {
        var places = ScriptPlaces()
        places.personal = storage.directory
        places.global = storage.global
        places.fallback = storage.fallback
        self.places = places
        self.global = global
        self.limit = limit > 0 ? limit : .max
    }

    public func source(of name: SieveScriptName) -> [UInt8]? { self.places.source(of: name, limit: self.limit) }

    public func registry(of location: SieveScriptName.Location) -> SieveRegistry? {
        location == .global ? self.global : nil
    }
}
