import Testing

@testable import ServerConfig

/// Files made up by a test.
func madeUp(_ files: [String: String], environment: [String: String] = [:]) -> ConfigurationFiles {
    ConfigurationFiles(
        read: { path in
            if let text = files[path] { return .success(Array(text.utf8)) }
            return .failure(.init(text: "cannot read \(path): No such file or directory"))
        },
        environment: { environment[$0] })
}

/// What every test configuration needs besides what it is about.
let basics = """
    ssl = no
    passdb pam {
    }
    userdb passwd {
    }

    """

func load(_ text: String, files: [String: String] = [:], environment: [String: String] = [:])
    -> Configuration.Loaded
{
    var all = files
    all["/etc/martlet/martlet.conf"] = text
    return Configuration.load(path: "/etc/martlet/martlet.conf", files: madeUp(all, environment: environment))
}

/// The settings of a configuration without any diagnostics, with `basics` before it.
func settings(
    _ text: String, files: [String: String] = [:], sourceLocation: SourceLocation = #_sourceLocation
) throws -> Settings {
    let loaded = load(basics + text, files: files)
    #expect(loaded.diagnostics == [], sourceLocation: sourceLocation)
    return try #require(loaded.configuration, sourceLocation: sourceLocation).settings
}

/// Diagnostics as text without the directory, those of `basics` not among them.
func diagnostics(_ text: String, files: [String: String] = [:]) -> [String] {
    let shift = basics.split(separator: "\n", omittingEmptySubsequences: false).count - 1
    return load(basics + text, files: files).diagnostics.map { diagnostic in
        let place =
            diagnostic.place.line == 0 ? "-" : String(diagnostic.place.line - shift)
        return "\(place): \(diagnostic.severity == .warning ? "warning: " : "")\(diagnostic.message)"
    }
}
