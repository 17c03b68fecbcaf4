import Delivery
import Glibc
import Logging
package import ServerConfig
import SieveCore

/// Files that settings name, and scripts for all users.
extension SiteCheck {
    package mutating func checkFiles(_ settings: Settings) {
        let language = settings.sieve.language
        for (name, path) in [
            ("sieve_pipe_bin_dir", language.pipe.binDirectory),
            ("sieve_filter_bin_dir", language.filter.binDirectory),
            ("sieve_execute_bin_dir", language.execute.binDirectory),
        ] where !path.isEmpty && !Self.isDirectory(path) {
            self.warn("\(name): there is no directory \(path); scripts that run a program fail")
        }
        let lists = settings.access.globalPath
        if settings.access.driver != .none, !lists.isEmpty, !Self.exists(lists) {
            self.warn("acl_global_path: there is no \(lists); nobody but owners has rights until it is there")
        }
    }

    /// Compiles the scripts of the administrator, whose faults would only show at a delivery.
    package mutating func checkScripts(_ settings: Settings) {
        let options = SieveOptions(settings, Logger(label: "sieve") { _ in SwiftLogNoOpLogHandler() })
        let compiler = SieveCompiler(registry: options.globalRegistry, limits: options.limits)
        let sieve = settings.sieve
        let included = SiteScripts(
            global: sieve.scripts(of: .global).map(\.path).filter(Self.isSame), limit: options.limits.scriptSize)
        for place in sieve.scripts where place.type != .personal && Self.isSame(place.path) {
            guard Self.exists(place.path) else {
                self.warn("sieve_script \(place.name): there is no \(place.path)")
                continue
            }
            // Those that others include are looked at with these.
            if place.type == .global { continue }
            for file in SiteScripts.files(at: place.path) { self.compile(file, compiler, included) }
        }
    }

    private mutating func compile(_ file: String, _ compiler: SieveCompiler, _ included: SiteScripts) {
        guard let octets = included.read(file) else {
            // Delivery reads it as another user, who may be let.
            return self.warn("\(file): not checked, since it cannot be read, or is no plain file")
        }
        for diagnostic in compiler.compile(octets, name: file, included: included).diagnostics {
            let sentence =
                "\(file):\(diagnostic.position.line):\(diagnostic.position.column): \(diagnostic.text)"
            switch diagnostic.severity {
            case .error: self.error(sentence)
            case .warning: self.warn(sentence)
            }
        }
    }

    /// Whether a path is the same for all users.
    private static func isSame(_ path: String) -> Bool { path.hasPrefix("/") && !path.contains("%") }
}

/// Scripts of the administrator, as files.
private struct SiteScripts: SieveScriptSource {
    /// Directories of scripts that others include, or such scripts.
    let global: [String]
    /// Octets of a script at most; 0 for no limit.
    let limit: Int

    private static let maximumFiles = 100

    /// The file, or the scripts in the directory by name.
    static func files(at path: String) -> [String] {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return [path] }
        return Array(ConfigurationFiles.matches(Self.escaped(path) + "/*.sieve").prefix(Self.maximumFiles))
    }

    /// As glob(3) has it.
    private static func escaped(_ path: String) -> String {
        var out = ""
        for character in path {
            if "*?[\\".contains(character) { out.append("\\") }
            out.append(character)
        }
        return out
    }

    func source(of name: SieveScriptName) -> [UInt8]? {
        // Whose scripts run is not known, so nothing is said of them.
        guard name.location == .global else { return [] }
        guard !name.name.hasPrefix("."), !name.name.contains("/") else { return nil }
        for place in self.global {
            if let octets = self.read("\(place)/\(name.name).sieve") { return octets }
            if place.hasSuffix("/\(name.name).sieve"), let octets = self.read(place) { return octets }
        }
        return nil
    }

    /// `nil` for what is no plain file or cannot be read. A little more than the limit, so that the compiler says so.
    func read(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        let most = self.limit > 0 && self.limit < Int.max ? self.limit + 1 : Int.max
        var octets: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while octets.count < most {
            let count = Glibc.read(descriptor, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return nil }
            if count == 0 { break }
            octets += piece[..<min(count, most - octets.count)]
        }
        return octets
    }
}
