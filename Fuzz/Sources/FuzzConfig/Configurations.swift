import MailCore
@testable import ServerConfig

/// Configuration files: loading says what is wrong and where; what was loaded is shown so that loading it again shows the
/// same, and survives the way to the roles.
func fuzzConfiguration(_ input: FuzzInput) {
    let files = input.octets.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false).map { Array($0) }
    let loaded = load(files[0], included: files.count > 1 ? files[1] : [])
    need(loaded.diagnostics.contains { $0.severity == .error } == (loaded.configuration == nil))
    for diagnostic in loaded.diagnostics { need(!diagnostic.message.isEmpty) }
    guard let configuration = loaded.configuration else { return }

    let serialized = configuration.serialize()
    guard let copy = Configuration(serialized: serialized) else { fail("lost on the way to the roles") }
    same(copy.rendered(nonDefaultsOnly: false), configuration.rendered(nonDefaultsOnly: false), "settings of a role")

    for nonDefaultsOnly in [false, true] {
        let text = configuration.rendered(nonDefaultsOnly: nonDefaultsOnly)
        // Passwords are not shown, so that what needs them cannot be loaded.
        if text.contains("static") { continue }
        let again = load(Array(text.utf8), included: [])
        guard let second = again.configuration else {
            fail("shown settings cannot be loaded: \(again.diagnostics) of \(text)")
        }
        same(second.rendered(nonDefaultsOnly: nonDefaultsOnly), text, "settings that were shown")
    }
}

/// Nothing is read from the disk: every file is empty but the two.
private func load(_ main: [UInt8], included: [UInt8]) -> Configuration.Loaded {
    Configuration.load(
        path: "/etc/martlet.conf",
        files: ConfigurationFiles(read: { path in
            switch path {
            case "/etc/martlet.conf": .success(main)
            case "/etc/included.conf": .success(included)
            default: .failure(.init(text: "no such file"))
            }
        }))
}

/// Variables: an expansion in its kept form is that form, whatever the values are the result is bounded.
func fuzzExpansion(_ input: FuzzInput) {
    var input = input
    let value = String(decoding: input.field(), as: UTF8.self)
    let text = String(decoding: input.octets, as: UTF8.self)
    for letters in [Expansion.Letters.user, .lookup, .message] {
        guard case .success(let expansion) = Expansion.parse(text, letters: letters) else { continue }
        guard case .success(let again) = Expansion.parse(expansion.text, letters: letters) else {
            fail("the kept form is none: \(expansion.text)")
        }
        same(again.text, expansion.text, "the kept form")
        let expanded = expansion.expand { _ in value }
        need(expanded.utf8.count <= Expansion.maximumLength + 3)
        same(again.expand { _ in value }, expanded, "the kept form's expansion")
        _ = expansion.expand { _ in nil }
    }
}

/// Values of settings: what is read is written so that it reads the same.
func fuzzValues(_ input: FuzzInput) {
    let text = String(decoding: input.octets, as: UTF8.self)
    if case .value(let octets) = SettingSyntax.size(text) {
        guard case .value(octets) = SettingSyntax.size(SettingSyntax.sizeText(octets)) else {
            fail("a size")
        }
    }
    if case .value(let duration) = SettingSyntax.time(text) {
        guard case .value(duration) = SettingSyntax.time(SettingSyntax.timeText(duration)) else {
            fail("a time")
        }
    }
    _ = SettingSyntax.boolean(text)
    _ = SettingSyntax.words(text)
    if let network = IPNetwork(text) {
        need(network.contains(network))
        need(IPNetwork(network.description) == network)
    }
    if let rule = QuotaRuleText(text) { need(!rule.mailbox.isEmpty) }
}
